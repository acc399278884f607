using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Models;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Distillation;

/// <summary>
/// Memory for one model's weights, which several models use in turn: each weight in the precision in which products read it, since it is
/// only read.
/// </summary>
internal sealed class MemberWeights : IDisposable
{
    private readonly List<IDisposable> owned = [];

    /// <param name="optimizer">Its groups lie next to each other, as where the weights are trained.</param>
    public MemberWeights(ModelRecipe model, OptimizerRecipe optimizer, Device device)
    {
        if (model.Products == MatrixPrecision.BF16)
        {
            var rounded = new RoundedRoom(model, device);
            owned.Add(rounded);
            Weights = GptWeights.Of(model, rounded);
            Places = rounded.Places;
            return;
        }

        var table = ParameterTable.Of(model);
        var parameters = new FlatParameters(ParameterGroups.Layout(table, ParameterGroups.Of(table, optimizer)), device);
        var source = new ParameterSource(parameters, null);
        owned.AddRange([source, parameters]);
        Weights = GptWeights.Of(model, source);
        Places = [.. table.Select(parameter => new MemberPlace(parameter.Name, parameters[parameter.Name]))];
    }

    public GptWeights Weights { get; }

    /// <summary>Where each parameter goes.</summary>
    public IReadOnlyList<MemberPlace> Places { get; }

    public void Dispose() => owned.ForEach(one => one.Dispose());

    /// <summary>Makes tensors as <see cref="RoundedWeights"/> has them, and remembers which parameter fills which.</summary>
    private sealed class RoundedRoom(ModelRecipe model, Device device) : IParameterSource, IDisposable
    {
        private readonly Dictionary<string, ParameterSpec> table = ParameterTable.Of(model).ToDictionary(parameter => parameter.Name);
        private readonly List<Tensor> made = [];

        public List<MemberPlace> Places { get; } = [];

        public Tensor Of(string name) => Place(name, Make(name, [.. table[name].Shape]));

        public Tensor Rows(params ReadOnlySpan<string> names)
        {
            var columns = table[names[0]].Shape[1];
            long rows = 0;
            foreach (var name in names)
            {
                rows += table[name].Shape[0];
            }

            var all = Make(names[0], [rows, columns]);
            long start = 0;
            foreach (var name in names)
            {
                var count = table[name].Shape[0];
                using var scope = NewDisposeScope();
                var part = all.narrow(0, start, count).DetachFromDisposeScope();
                made.Add(part);
                Place(name, part);
                start += count;
            }

            return all;
        }

        public Tensor Head(string name, long rows) => Place(name, Make(name, [rows, table[name].Shape[1]]));

        public void Dispose() => made.ForEach(tensor => tensor.Dispose());

        private Tensor Make(string name, long[] shape)
        {
            using var scope = NewDisposeScope();
            var type = RoundedWeights.IsRounded(model, name, shape.Length) ? ScalarType.BFloat16 : ScalarType.Float32;
            var tensor = zeros(shape, type, device).DetachFromDisposeScope();
            made.Add(tensor);
            return tensor;
        }

        private Tensor Place(string name, Tensor room)
        {
            Places.Add(new MemberPlace(name, room));
            return room;
        }
    }
}
