using System.Runtime.InteropServices;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Training.Devices;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Inference;

/// <summary>
/// Continues a text by one member or by the mixture of several, each of which reads every token. A model knows <see
/// cref="ModelRecipe.SequenceLength"/> positions: when these are full, the newer half of the text is read again as if it began there. For
/// one thread.
/// </summary>
/// <param name="average">How members' predictions are mixed.</param>
/// <param name="slot">The device, <c>cpu:0</c> or <c>cuda:1</c>.</param>
public sealed class MixtureGenerator(EnsembleAverage average, string slot) : IDisposable
{
    private readonly Device device = ComputeDevices.DeviceOf(slot);
    private readonly List<(CachedModel Model, double Weight)> models = [];
    private int context;

    /// <summary>Adds a member.</summary>
    /// <param name="snapshot">Of several models: each has its share, as in its score; where logits are averaged, the last
    /// alone.</param>
    /// <param name="weight">Relative to the others'.</param>
    /// <exception cref="InvalidDataException">The weights are not of the plan's model.</exception>
    public void Add(StagePlan plan, IReadOnlyList<TensorData> snapshot, double weight)
    {
        ArgumentNullException.ThrowIfNull(plan);
        IntraOp.UseOneThread();
        IEnumerable<(IReadOnlyList<TensorData> Weights, ModelShare Share)> parts =
            average == EnsembleAverage.Logits
                ? [(CheckpointNames.Last(snapshot), new ModelShare(1, 1))]
                : CheckpointNames.Models(snapshot).Zip(CheckpointNames.Shares(snapshot));
        foreach (var (weights, share) in parts)
        {
            models.Add((new CachedModel(plan, weights, device), share.Times(weight)));
        }

        context = plan.Model.SequenceLength;
    }

    /// <summary>Generates tokens, one after the other.</summary>
    /// <param name="prompt">At least one token.</param>
    /// <param name="count">Tokens at most.</param>
    /// <param name="end">The token that ends the text; it is emitted like the others.</param>
    /// <param name="emit">Called with each token as it is chosen.</param>
    /// <exception cref="OperationCanceledException">Stopped.</exception>
    public void Generate(IReadOnlyList<int> prompt, int count, int? end, TokenChoice choice, Action<int> emit, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        ArgumentNullException.ThrowIfNull(choice);
        ArgumentNullException.ThrowIfNull(emit);
        ArgumentOutOfRangeException.ThrowIfZero(prompt.Count);
        ArgumentOutOfRangeException.ThrowIfZero(models.Count);
        IntraOp.UseOneThread();
        var text = new List<int>(prompt);
        var read = 0;
        var unread = text.Count;
        models.ForEach(one => one.Model.Forget());
        for (var step = 0; step < count; step++)
        {
            stop.ThrowIfCancellationRequested();
            if (read + unread > context)
            {
                models.ForEach(one => one.Model.Forget());
                (read, unread) = (0, Math.Max(1, context / 2));
            }

            var probabilities = Probabilities(CollectionsMarshal.AsSpan(text)[^unread..], stop);
            (read, unread) = (read + unread, 1);
            var token = choice.Choose(probabilities, step);
            text.Add(token);
            emit(token);
            if (token == end)
            {
                return;
            }
        }
    }

    public void Dispose() => models.ForEach(one => one.Model.Dispose());

    /// <summary>The probability of each token id to be the next.</summary>
    private double[] Probabilities(ReadOnlySpan<int> tokens, CancellationToken stop)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        Tensor? sum = null;
        double total = 0;
        foreach (var (model, weight) in models)
        {
            stop.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            var logits = model.Read(tokens).to(ScalarType.Float64);
            var share = (average == EnsembleAverage.Logits ? logits : logits.softmax(0)).mul(Scalars.Of(weight));
            sum = (sum is null ? share : sum.add(share, Scalars.One)).MoveToOuterDisposeScope();
            total += weight;
        }

        var mean = sum!.div(Scalars.Of(total));
        return Scalars.Read(average == EnsembleAverage.Logits ? mean.softmax(0) : mean);
    }
}
