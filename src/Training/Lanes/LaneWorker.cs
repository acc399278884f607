using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;
using Slowrun.Training.Distillation;
using Slowrun.Training.Evaluation;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Lanes;

/// <summary>
/// Computes some lanes of each step on one device, one after the other in one buffer. A lane adds its micro-batches in order; a finished
/// one is added to the step's sum when it is its turn.
/// </summary>
internal sealed class LaneWorker : IDisposable
{
    private readonly ModelRecipe model;
    private readonly FlatParameters parameters;
    private readonly Gpt gpt;
    private readonly IMicroBatchTrainer trainer;
    private readonly EnsembleTeacher? ensemble;
    private readonly ParameterSource source;
    private readonly GptWeights weights;
    private LaneBuffer? own;

    /// <param name="parameters">Shared with the other workers on a CPU, a replica on a device of its own.</param>
    /// <param name="ensemble">This worker's own.</param>
    /// <param name="kernels">Of its device, on <see cref="StepPath.Kernels"/>; else null.</param>
    /// <param name="masksOnDevice">Whether dropout masks are made on the device that uses them: on every device but a processor.</param>
    public LaneWorker(
        ModelRecipe model,
        StageRecipe stage,
        FlatParameters parameters,
        Teacher? teacher,
        EnsembleTeacher? ensemble,
        bool masksOnDevice,
        StepPath path,
        CudaKernels? kernels
    )
    {
        this.model = model;
        this.ensemble = ensemble;
        this.parameters = parameters;
        var handedOver = new RecomputedGradients();
        var operations = kernels is null
            ? null
            : new CudaOperations(new BlockKernels(kernels, CudaKernels.Type(model.Products)), handedOver);
        gpt = new Gpt(model, parameters.Device, operations);
        trainer =
            path == StepPath.Fused
                ? new FusedTrainer(model, stage, gpt.Rotary, teacher, outputs: ensemble is not null)
                : new MicroBatchTrainer(model, stage, gpt, teacher, outputs: ensemble is not null)
                {
                    HandedOver = handedOver,
                    Kernels = kernels,
                    MasksOnDevice = masksOnDevice,
                    RowsAtOnce = LogitRows.AtOnce(model, gpu: parameters.Device.type != TorchSharp.DeviceType.CPU),
                };
        source = new ParameterSource(parameters, null);
        weights = GptWeights.Of(model, source);
    }

    public FlatParameters Parameters => parameters;

    /// <summary>Computes lanes first, first + every, … of a step and adds them to its sum. Once one worker is stopped or fails, all return
    /// early.</summary>
    public void Run(StepWork step, int first, int every, LaneSum sum)
    {
        try
        {
            Compute(step, [.. Enumerable.Range(0, step.Lanes).Where(lane => lane % every == first)], sum);
        }
        catch
        {
            sum.Break();
            throw;
        }
    }

    /// <summary>Judges a set's batches first, first + every, … with the present weights.</summary>
    public void Score(TokenSet set, int rows, ForwardPass pass, int first, int every, float[] into, CancellationToken stop)
    {
        var scoring = new ScoringPass(model, rows, [new ScoredModel(gpt, weights, pass)], parameters.Device);
        for (long batch = first; batch < scoring.Batches(set) && !stop.IsCancellationRequested; batch += every)
        {
            scoring.Score(set, batch, [into]);
        }
    }

    public void Dispose()
    {
        trainer.Dispose();
        own?.Dispose();
        source.Dispose();
        gpt.Dispose();
    }

    private void Compute(StepWork step, IReadOnlyList<int> lanes, LaneSum sum)
    {
        int[] order = [.. lanes.SelectMany(step.MicroBatchesOf)];
        using var rows = new StepRows(step, order, parameters.Device);
        using var outputs = new TeacherOutputs(ensemble, rows, step.Stop);
        var position = 0;
        foreach (var lane in lanes)
        {
            var buffer = sum.BufferOf(lane) ?? (own ??= new LaneBuffer(model, parameters));
            buffer.Gradients.Zero();
            foreach (var i in step.MicroBatchesOf(lane))
            {
                if (step.Stop.IsCancellationRequested || !outputs.MoveNext())
                {
                    sum.Break();
                    return;
                }

                using var scope = NewDisposeScope();
                step.Losses[i] = trainer
                    .Backward(buffer, rows[position++], 1.0 / step.MicroBatches, outputs.Current)
                    .DetachFromDisposeScope();
            }

            if (!sum.Add(lane, buffer))
            {
                return;
            }
        }
    }
}
