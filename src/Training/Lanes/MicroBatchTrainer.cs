using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Distillation;
using Slowrun.Training.Kernels;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Slowrun.Training.Lanes;

/// <summary>
/// The composed path: a micro-batch's forward and backward pass by libtorch's operations and autograd, with every option, on any
/// device.
/// </summary>
/// <param name="outputs">Whether an ensemble teaches, so that each micro-batch comes with what it says.</param>
internal sealed class MicroBatchTrainer(ModelRecipe model, StageRecipe stage, Gpt gpt, Teacher? teacher, bool outputs = false)
    : IMicroBatchTrainer
{
    private readonly double alpha = teacher is null && !outputs ? 0 : stage.Distillation!.Alpha;
    private readonly double temperature = stage.Distillation?.Temperature ?? 1;

    /// <summary>Where backward passes of nodes of our own leave what they give to autograd.</summary>
    internal RecomputedGradients HandedOver { get; init; } = new();

    /// <summary>That compute losses; null: composed operations do.</summary>
    internal CudaKernels? Kernels { get; init; }

    /// <summary>Whether dropout masks are made where they are used.</summary>
    internal bool MasksOnDevice { get; init; }

    /// <summary>Rows of logits in memory at once; tests cut finer.</summary>
    internal long RowsAtOnce { get; init; } = LogitRows.AtOnce(model, gpu: false);

    public Tensor Backward(LaneBuffer buffer, in MicroBatch batch, double weight, Tensor? lesson) =>
        Backward(buffer.Weights, batch, weight, lesson);

    /// <param name="weight">1 / micro-batches of the step.</param>
    /// <param name="lesson">[B·T, V]: log-probabilities of an ensemble that teaches; null: none does.</param>
    /// <returns>The mean loss times the weight, float64 on the device: nothing has waited for it. The caller's dispose scope owns
    /// it.</returns>
    public Tensor Backward(GptWeights weights, in MicroBatch batch, double weight, Tensor? lesson = null)
    {
        using var scope = NewDisposeScope();
        var pass = batch.Pass(model, stage, MasksOnDevice, HandedOver);
        var (inputs, targets) = (batch.Inputs, batch.Targets);
        var hidden = gpt.Hidden(weights, inputs, pass);
        var further = MtpLoss.Counts(model, stage, alpha) ? gpt.FurtherHidden(weights, hidden, targets, pass) : null;
        var taught = teacher is null ? null : Taught(inputs);
        var readout = new Readout(
            hidden,
            taught,
            lesson,
            targets.reshape(-1),
            batch.Settings.FutureWeights.Count == 0 ? [] : Future(targets, batch.Settings.FutureWeights),
            weight
        );
        var furtherTargets = further is null ? null : FurtherTargets(targets);
        // Rounded once for all its rows; its gradient must be added in float32, which only the way by chunks does.
        using var rounded = model.Products == MatrixPrecision.BF16 ? new RoundedUnembedding(model, weights.Unembedding) : null;
        readout = readout with { Rounded = rounded };
        var loss =
            hidden.shape[0] <= RowsAtOnce && rounded is null
                ? Whole(weights, readout, further, furtherTargets)
                : Chunked(weights, readout, further, furtherTargets);
        HandedOver.Release();
        return loss.MoveToOuterDisposeScope();
    }

    public void Dispose() => HandedOver.Release();

    private Tensor Whole(GptWeights weights, in Readout readout, Tensor? further, Tensor? furtherTargets)
    {
        var loss = Loss(weights, readout, readout.Hidden.shape[0], 0, readout.Hidden.shape[0]);
        if (further is not null)
        {
            loss = loss.add(FurtherLoss(weights, null, further, furtherTargets!, further.shape[0], readout.Weight), Scalars.One);
        }

        loss.backward();
        return loss.detach().to(ScalarType.Float64);
    }

    /// <summary>Back to the hidden states chunk by chunk, then once through the network.</summary>
    private Tensor Chunked(GptWeights weights, in Readout readout, Tensor? further, Tensor? furtherTargets)
    {
        var loss = zeros([], ScalarType.Float64, readout.Hidden.device);
        var cut = readout;
        var gradients = new List<(Tensor Hidden, Tensor Gradient)>
        {
            (
                readout.Hidden,
                Kernels is not null && readout.Rounded is { } unembedding
                    ? ByKernels(Kernels, readout, unembedding, loss)
                    : ByChunks(
                        readout,
                        readout.Hidden,
                        loss,
                        (part, start, count) => Loss(weights, cut with { Hidden = part }, cut.Hidden.shape[0], start, count)
                    )
            ),
        };
        if (further is not null)
        {
            gradients.Add(
                (
                    further,
                    ByChunks(
                        readout,
                        further,
                        loss,
                        (part, start, count) =>
                            FurtherLoss(weights, cut.Rounded, part, furtherTargets!.narrow(0, start, count), further.shape[0], cut.Weight)
                    )
                )
            );
        }

        autograd.backward([.. gradients.Select(g => g.Hidden)], [.. gradients.Select(g => g.Gradient)]);
        return loss;
    }

    /// <summary>Adds a loss of hidden states, and its gradient of the unembedding, chunk by chunk.</summary>
    /// <param name="of">The loss of a chunk, of which start and number of rows are told.</param>
    /// <returns>[N, C]: the gradient of the hidden states.</returns>
    private Tensor ByChunks(in Readout readout, Tensor hidden, Tensor sum, Func<Tensor, long, long, Tensor> of)
    {
        var gradients = new List<Tensor>();
        for (long start = 0; start < hidden.shape[0]; start += RowsAtOnce)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(RowsAtOnce, hidden.shape[0] - start);
            var part = hidden.narrow(0, start, count).detach().requires_grad_(true);
            var loss = of(part, start, count);
            if (readout.Rounded is { } rounded)
            {
                var found = autograd.grad([loss], [part, rounded.Weight]);
                rounded.AddGradient(found[1]);
                gradients.Add(found[0].MoveToOuterDisposeScope());
            }
            else
            {
                loss.backward();
                gradients.Add(part.grad!.MoveToOuterDisposeScope());
            }

            sum.add_(loss.detach().to(ScalarType.Float64), Scalars.One);
        }

        return gradients.Count == 1 ? gradients[0] : cat(gradients);
    }

    /// <summary>As <see cref="ByChunks"/> of the rows' own predictions, without autograd: a kernel makes logits their gradient.</summary>
    private Tensor ByKernels(CudaKernels kernels, in Readout readout, RoundedUnembedding unembedding, Tensor sum)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var (hidden, device) = (readout.Hidden, readout.Hidden.device);
        var rows = hidden.shape[0];
        var scale = readout.Weight / rows;
        var targets = stack([readout.Targets, .. readout.Future.Select(future => future.Targets)]);
        // Filled where they are used: a copy from the host would be waited for.
        Tensor[] shares =
        [
            .. readout
                .Future.Select(future => future.Share)
                .Prepend(1)
                .Select(share => full([1], Scalars.Of(share), ScalarType.Float64, device)),
        ];
        var terms = new LossTerms(
            (float)model.Softcap,
            temperature,
            (1 - alpha) * scale,
            alpha * scale * temperature * temperature,
            TeacherLogarithms: readout.Lesson is not null
        );
        var (losses, gradient) = (zeros(rows, ScalarType.Float64, device), empty_like(hidden));
        for (long start = 0; start < rows; start += RowsAtOnce)
        {
            using var chunk = NewDisposeScope();
            var count = Math.Min(RowsAtOnce, rows - start);
            var part = hidden.narrow(0, start, count).to(ScalarType.BFloat16);
            var logits = F.linear(part, unembedding.Weight);
            LossKernels.Run(
                kernels,
                logits,
                model.VocabSize,
                targets,
                cat(shares),
                stage.LabelSmoothing,
                readout.Taught is { } taught
                    ? F.linear(taught.narrow(0, start, count).to(ScalarType.BFloat16), teacher!.Unembedding!.Weight)
                    : null,
                readout.Lesson?.narrow(0, start, count),
                terms,
                (int)start,
                losses
            );
            gradient.narrow(0, start, count).copy_(logits.mm(unembedding.Weight));
            unembedding.AddGradient(logits.t().mm(part));
        }

        sum.add_(losses.sum(), Scalars.One);
        return gradient.MoveToOuterDisposeScope();
    }

    /// <summary>The weighted loss of some rows' own predictions: their part of the mean.</summary>
    /// <param name="readout">Its hidden states are those of these rows.</param>
    /// <param name="rows">Of the micro-batch.</param>
    private Tensor Loss(GptWeights weights, in Readout readout, long rows, long start, long count)
    {
        var logits = gpt.Logits(weights, readout.Hidden, readout.Rounded);
        var logProbabilities = F.log_softmax(logits, -1);
        var scale = readout.Weight / rows;
        Tensor? loss = null;
        if (alpha < 1)
        {
            loss = TrainingLoss.CrossEntropySum(logProbabilities, readout.Targets.narrow(0, start, count), stage.LabelSmoothing);
            foreach (var (targets, share) in readout.Future)
            {
                loss = loss.add(
                    TrainingLoss.CrossEntropySum(logProbabilities, targets.narrow(0, start, count), 0, hasIgnored: true),
                    Scalars.Of(share)
                );
            }

            loss = loss.mul(Scalars.Of((1 - alpha) * scale));
        }

        if (readout is { Taught: null, Lesson: null })
        {
            return loss!;
        }

        var student = temperature == 1 ? logProbabilities : F.log_softmax(logits.div(Scalars.Of(temperature)), -1);
        var soft = (
            readout.Lesson is { } lesson
                ? TrainingLoss.KlSumOf(student, lesson.narrow(0, start, count), temperature)
                : TrainingLoss.KlSum(student, TeacherLogits(readout.Taught!.narrow(0, start, count)), temperature)
        ).mul(Scalars.Of(alpha * scale));
        return loss is null ? soft : loss.add(soft, Scalars.One);
    }

    private Tensor TeacherLogits(Tensor taught)
    {
        using var noGradient = no_grad();
        return gpt.Logits(teacher!.Weights, taught, teacher.Unembedding);
    }

    private Tensor FurtherLoss(GptWeights weights, RoundedUnembedding? rounded, Tensor hidden, Tensor targets, long rows, double weight) =>
        TrainingLoss
            .CrossEntropySum(F.log_softmax(gpt.Logits(weights, hidden, rounded), -1), targets, 0)
            .mul(Scalars.Of((1 - alpha) * stage.MtpWeight * weight / rows));

    private Tensor Taught(Tensor inputs)
    {
        using var noGradient = no_grad();
        return gpt.Hidden(teacher!.Weights, inputs, teacher.Pass);
    }

    /// <summary>What the multi-token block predicts: for each position but a row's last the token after its next, [B·(T-1)].</summary>
    public static Tensor FurtherTargets(Tensor targets) => targets.narrow(1, 1, targets.shape[1] - 1).reshape(-1);

    /// <summary>Targets further ahead within the row; beyond its end there is none.</summary>
    public static List<(Tensor Targets, double Share)> Future(Tensor targets, IReadOnlyList<float> shares)
    {
        var future = new List<(Tensor, double)>(shares.Count);
        for (var ahead = 1; ahead <= shares.Count; ahead++)
        {
            if (shares[ahead - 1] > 0)
            {
                long known = targets.shape[1] - ahead;
                var beyond = full([targets.shape[0], ahead], Scalars.Of(TrainingLoss.Ignored), targets.dtype, targets.device);
                future.Add((cat([targets.narrow(1, ahead, known), beyond], 1).reshape(-1), shares[ahead - 1]));
            }
        }

        return future;
    }

    private readonly record struct Readout(
        Tensor Hidden,
        Tensor? Taught,
        Tensor? Lesson,
        Tensor Targets,
        IReadOnlyList<(Tensor Targets, double Share)> Future,
        double Weight
    )
    {
        /// <summary>Null: products are not rounded.</summary>
        public RoundedUnembedding? Rounded { get; init; }
    }
}
