using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Training.Copies;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Slowrun.Training.Distillation;

/// <summary>
/// A whole ensemble whose predictions are learnt, for one worker. Its models take turns, in the recipe's order, in one room or two (<see
/// cref="MemberLoader"/>), so that memory does not grow with their number, and the sum of their predictions does not depend on the worker.
/// </summary>
internal sealed class EnsembleTeacher : IDisposable
{
    // As the trainer's: a chunk of logits has at most so many numbers.
    private const long ChunkNumbers = 1L << 24;

    // The smallest normal float32: where a mean of probabilities is 0, its logarithm stays finite, and is then multiplied by 0.
    private const double Least = 1.17549435e-38;

    private readonly TeacherRecipe recipe;
    private readonly double temperature;
    private readonly List<Turn> turns = [];
    private readonly MemberLoader loader;
    private readonly Gpt gpt;

    /// <param name="members">Each member's snapshot, in the recipe's order. Read again and again: it may be a file's mapped memory.</param>
    /// <param name="workers">Of the stage, of which this is one's.</param>
    /// <exception cref="InvalidDataException">A member is not of the teacher's model; which one.</exception>
    public EnsembleTeacher(StagePlan plan, IReadOnlyList<IReadOnlyList<TensorData>> members, Device device, int workers)
        : this(plan, members, device, workers, device.type == DeviceType.CPU ? null : () => DeviceCopies.Open(device.index)) { }

    /// <param name="copies">Opens those of the device; null: it is a processor.</param>
    internal EnsembleTeacher(
        StagePlan plan,
        IReadOnlyList<IReadOnlyList<TensorData>> members,
        Device device,
        int workers,
        Func<DeviceCopies>? copies
    )
    {
        recipe = plan.TeacherEnsemble!;
        temperature = plan.Stage.Distillation!.Temperature;
        AtOnce = TaughtAtOnce.MicroBatches(plan, workers);
        var table = ParameterTable.Of(recipe.Model);
        var layout = ParameterGroups.Layout(table, ParameterGroups.Of(table, plan.Stage.Optimizer));
        var models = new List<IReadOnlyList<TensorData>>();
        foreach (var (member, snapshot) in recipe.Members.Zip(members))
        {
            var own = Models(layout, member, snapshot);
            var pass = new ForwardPass
            {
                Loop = member.Loop,
                Recurrences = member.Recurrence?.Passes ?? 0,
                Windows = AttentionWindows.Of(recipe.Model),
            };
            turns.AddRange(CheckpointNames.Shares(snapshot).Select(share => new Turn(share.Times(member.Weight), pass)));
            models.AddRange(own);
        }

        loader = new MemberLoader(models, () => new MemberWeights(recipe.Model, plan.Stage.Optimizer, device), copies?.Invoke());
        gpt = new Gpt(recipe.Model, device);
    }

    /// <summary>How many micro-batches are best taught together: the weights are copied once for all of them.</summary>
    public int AtOnce { get; }

    /// <param name="inputs">[B, T] int64 each, on the device.</param>
    /// <returns>For each, [B·T, V] float32: the logarithm of the ensemble's distribution at the recipe's temperature; the caller's. Null:
    /// stopped.</returns>
    public IReadOnlyList<Tensor>? Teach(IReadOnlyList<Tensor> inputs, CancellationToken stop)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var sums = inputs.Select(batch => zeros([batch.numel(), recipe.Model.VocabSize], ScalarType.Float32, batch.device)).ToList();
        for (var model = 0; model < turns.Count; model++)
        {
            var turn = turns[model];
            var weights = loader.Take(model, next: (model + 1) % turns.Count).Weights;
            foreach (var (batch, sum) in inputs.Zip(sums))
            {
                if (stop.IsCancellationRequested)
                {
                    return null;
                }

                using var one = NewDisposeScope();
                Add(weights, gpt.Hidden(weights, batch, turn.Pass), turn.Share, sum);
            }
        }

        sums.ForEach(ToLogarithms);
        return [.. sums.Select(sum => sum.DetachFromDisposeScope())];
    }

    public void Dispose()
    {
        loader.Dispose();
        gpt.Dispose();
    }

    private List<IReadOnlyList<TensorData>> Models(ParameterLayout layout, TeacherMemberRecipe member, IReadOnlyList<TensorData> snapshot)
    {
        try
        {
            var models = CheckpointNames.Models(snapshot).ToList();
            models.ForEach(model => FlatParameters.Check(layout, model));
            return models.Count == member.Models
                ? models
                : throw new InvalidDataException($"It holds {models.Count} models, expected {member.Models}.");
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException(
                $"Member {member.Sha256[..12]} of the ensemble of run '{recipe.Run}' cannot teach: {e.Message}",
                e
            );
        }
    }

    /// <summary>Adds a model's share of the prediction, chunk by chunk: probabilities, or logits over the temperature.</summary>
    private void Add(GptWeights weights, Tensor hidden, double share, Tensor sum)
    {
        foreach (var (start, count) in Chunks(sum))
        {
            using var scope = NewDisposeScope();
            var logits = gpt.Logits(weights, hidden.narrow(0, start, count));
            var scaled = temperature == 1 ? logits : logits.div(Scalars.Of(temperature));
            sum.narrow(0, start, count).add_(recipe.Average == EnsembleAverage.Logits ? scaled : scaled.softmax(-1), Scalars.Of(share));
        }
    }

    private void ToLogarithms(Tensor sum)
    {
        foreach (var (start, count) in Chunks(sum))
        {
            using var scope = NewDisposeScope();
            var part = sum.narrow(0, start, count);
            if (recipe.Average == EnsembleAverage.Logits)
            {
                part.copy_(F.log_softmax(part, -1));
            }
            else
            {
                part.clamp_min_(Scalars.Of(Least)).log_();
            }
        }
    }

    private IEnumerable<(long Start, long Count)> Chunks(Tensor sum)
    {
        var rows = Math.Max(1, ChunkNumbers / recipe.Model.VocabSize);
        for (long start = 0; start < sum.shape[0]; start += rows)
        {
            yield return (start, Math.Min(rows, sum.shape[0] - start));
        }
    }

    /// <param name="Share">Of this model in the mixture.</param>
    private sealed record Turn(double Share, ForwardPass Pass);
}
