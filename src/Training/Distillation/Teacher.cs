using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Training.Models;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Distillation;

/// <summary>A finished model whose predictions are learnt. Read by all workers of a device; never changed.</summary>
internal sealed class Teacher : IDisposable
{
    private readonly List<IDisposable> owned = [];

    /// <exception cref="InvalidDataException">The weights are not this model's.</exception>
    public Teacher(StagePlan plan, IReadOnlyList<TensorData> weights, Device device)
    {
        var table = ParameterTable.Of(plan.Model);
        var layout = ParameterGroups.Layout(table, ParameterGroups.Of(table, plan.Stage.Optimizer));
        var last = CheckpointNames.Last(weights);
        FlatParameters.Check(layout, last);
        Pass = StepSettings.Finished(plan.Model, plan.Stage);
        if (plan.Model.Products == MatrixPrecision.BF16)
        {
            var rounded = Own(new RoundedWeights(plan.Model, last, device));
            Weights = rounded.Weights;
            Unembedding = Own(new RoundedUnembedding(plan.Model, Weights.Unembedding));
            return;
        }

        var parameters = Own(new FlatParameters(layout, device));
        parameters.Load(last);
        Weights = GptWeights.Of(plan.Model, Own(new ParameterSource(parameters, null)));
    }

    public GptWeights Weights { get; }

    /// <summary>Null: products are not rounded.</summary>
    public RoundedUnembedding? Unembedding { get; }

    /// <summary>Always with the loop of the stage it teaches, whether the student loops yet or not, and never with dropout.</summary>
    public ForwardPass Pass { get; }

    public void Dispose()
    {
        // Views before what they look into.
        for (var i = owned.Count - 1; i >= 0; i--)
        {
            owned[i].Dispose();
        }
    }

    private T Own<T>(T disposable)
        where T : IDisposable
    {
        owned.Add(disposable);
        return disposable;
    }
}
