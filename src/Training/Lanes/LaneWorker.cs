using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;
using Slowrun.Training.Distillation;
using Slowrun.Training.Evaluation;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Lanes;

/// <summary>
/// Computes some neighbouring lanes of each step on one device. A lane adds its micro-batches in order; finished lanes are added in the
/// fixed binary tree as soon as two neighbours are there, so that log2(lanes) + 1 gradient buffers are enough.
/// </summary>
internal sealed class LaneWorker : IDisposable
{
    private readonly ModelRecipe model;
    private readonly FlatParameters parameters;
    private readonly Gpt gpt;
    private readonly MicroBatchTrainer trainer;
    private readonly EnsembleTeacher? ensemble;
    private readonly ParameterSource source;
    private readonly GptWeights weights;
    private readonly Stack<LaneBuffer> free = [];
    private readonly List<LaneBuffer> all = [];

    /// <param name="parameters">Shared with the other workers on a CPU, a replica on a device of its own.</param>
    /// <param name="ensemble">This worker's own.</param>
    public LaneWorker(ModelRecipe model, StageRecipe stage, FlatParameters parameters, Teacher? teacher, EnsembleTeacher? ensemble)
    {
        this.model = model;
        this.ensemble = ensemble;
        this.parameters = parameters;
        gpt = new Gpt(model, parameters.Device);
        trainer = new MicroBatchTrainer(model, stage, gpt, teacher, lessons: ensemble is not null);
        source = new ParameterSource(parameters, null);
        weights = GptWeights.Of(model, source);
    }

    public FlatParameters Parameters => parameters;

    /// <summary>Computes lanes [first, first + count) of a step.</summary>
    /// <returns>Their sum, on this worker's device; given back by <see cref="Release"/>. Null: stopped.</returns>
    public LaneBuffer? Run(StepWork step, int first, int count)
    {
        var finished = new Stack<(LaneBuffer Buffer, int Lanes)>();
        using var lessons = new Lessons(ensemble, step, [.. Enumerable.Range(first, count).SelectMany(step.MicroBatchesOf)], parameters.Device);
        for (var lane = first; lane < first + count; lane++)
        {
            var buffer = Take();
            finished.Push((buffer, 1));
            foreach (var i in step.MicroBatchesOf(lane))
            {
                if (step.Stop.IsCancellationRequested || !lessons.MoveNext())
                {
                    foreach (var (kept, _) in finished)
                    {
                        Release(kept);
                    }

                    return null;
                }

                using var scope = NewDisposeScope();
                step.Losses[i] = trainer.Backward(buffer.Weights, step.Batch(i, parameters.Device), 1.0 / step.MicroBatches, lessons.Current);
            }

            while (finished.Count > 1 && finished.Peek().Lanes == finished.ElementAt(1).Lanes)
            {
                var right = finished.Pop();
                var left = finished.Pop();
                Add(left.Buffer, right.Buffer);
                Release(right.Buffer);
                finished.Push((left.Buffer, left.Lanes + right.Lanes));
            }
        }

        return finished.Pop().Buffer;
    }

    public void Release(LaneBuffer buffer) => free.Push(buffer);

    /// <summary>Judges a set's batches first, first + every, … with the present weights.</summary>
    public void Score(TokenSet set, int rows, ForwardPass pass, int first, int every, float[] into, CancellationToken stop)
    {
        var scoring = new ScoringPass(model, rows, [new ScoredModel(gpt, weights, pass)], parameters.Device);
        for (long batch = first; batch < scoring.Batches(set) && !stop.IsCancellationRequested; batch += every)
        {
            scoring.Score(set, batch, [into]);
        }
    }

    /// <summary>left += right, wherever right lies.</summary>
    public static void Add(LaneBuffer left, LaneBuffer right)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        left.Gradients.Flat.add_(right.Gradients.Flat.to(left.Gradients.Flat.device), Scalars.One);
    }

    public void Dispose()
    {
        foreach (var buffer in all)
        {
            buffer.Dispose();
        }

        source.Dispose();
        gpt.Dispose();
    }

    private LaneBuffer Take()
    {
        if (!free.TryPop(out var buffer))
        {
            buffer = new LaneBuffer(model, parameters);
            all.Add(buffer);
        }

        buffer.Gradients.Zero();
        return buffer;
    }
}
