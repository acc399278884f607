using System.Runtime.InteropServices;
using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Distillation;
using Slowrun.Training.Kernels;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using static TorchSharp.torch;

namespace Slowrun.Training.Lanes;

/// <summary>The fused path of a micro-batch: the same function as <see cref="MicroBatchTrainer"/>'s, of the options that
/// <see cref="StepPaths"/> knows.</summary>
internal sealed unsafe class FusedTrainer : IMicroBatchTrainer
{
    private readonly ModelRecipe model;
    private readonly StageRecipe stage;
    private readonly FusedGpt student;
    private readonly FusedFurther? further;
    private readonly Teacher? teacher;
    private readonly FusedGpt? taught;
    private readonly FusedWeights? teacherWeights;
    private readonly RecomputedGradients recomputed = new();
    private readonly double alpha;
    private readonly double temperature;
    private readonly int rowsAtOnce;
    private readonly Matrix logits;
    private readonly Matrix? teacherLogits;
    private readonly Matrix scratch;

    /// <param name="outputs">Whether an ensemble teaches, so that each micro-batch comes with what it says.</param>
    public FusedTrainer(ModelRecipe model, StageRecipe stage, RotaryTable rotary, Teacher? teacher, bool outputs)
    {
        (this.model, this.stage) = (model, stage);
        alpha = teacher is null && !outputs ? 0 : stage.Distillation!.Alpha;
        // What counts nothing is not computed.
        this.teacher = alpha > 0 ? teacher : null;
        temperature = stage.Distillation?.Temperature ?? 1;
        var rows = (long)stage.DeviceRows * model.SequenceLength;
        rowsAtOnce = (int)Math.Min(rows, LogitRows.AtOnce(model, gpu: false));
        try
        {
            student = new FusedGpt(model, rotary, stage.DeviceRows, model.SequenceLength);
            if (MtpLoss.Counts(model, stage, alpha))
            {
                further = new FusedFurther(model, rotary, stage.DeviceRows, model.SequenceLength);
            }

            logits = Matrix.Empty(rowsAtOnce, model.VocabSize);
            scratch = Matrix.Empty(1, model.VocabSize);
            teacherLogits = alpha > 0 ? Matrix.Empty(rowsAtOnce, model.VocabSize) : null;
            if (this.teacher is not null)
            {
                taught = new FusedGpt(model, rotary, stage.DeviceRows, model.SequenceLength);
                teacherWeights = new FusedWeights(model, this.teacher.Weights);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public Tensor Backward(LaneBuffer buffer, in MicroBatch batch, double weight, Tensor? lesson)
    {
        var shape = batch.Tokens.shape;
        if (shape[0] != stage.DeviceRows || batch.Length != model.SequenceLength || !batch.Tokens.is_contiguous())
        {
            throw new ArgumentException(
                $"A micro-batch is [{string.Join(", ", shape)}], expected [{stage.DeviceRows}, {model.SequenceLength + 1}], contiguous.",
                nameof(batch)
            );
        }

        CheckTokens(batch.Tokens);
        lesson = alpha > 0 ? lesson : null;
        var pass = batch.Pass(model, stage, masksOnDevice: false, recomputed);
        var (weights, gradients) = (buffer.FusedWeights, buffer.FusedGradients);
        var tokens = (long*)Matrix.Address(batch.Tokens);
        student.Forward(weights, batch.Tokens, pass, keep: true);
        further?.Forward(weights, student.Hidden, tokens, pass);
        taught?.Forward(teacherWeights!, batch.Tokens, teacher!.Pass, keep: false);

        var rows = stage.DeviceRows * model.SequenceLength;
        var scale = weight / rows;
        var terms = new LossTerms(
            (float)model.Softcap,
            temperature,
            (1 - alpha) * scale,
            alpha * scale * temperature * temperature,
            TeacherLogarithms: lesson is not null
        );
        var loss = Loss(
            weights,
            gradients,
            new Readout(student.Hidden, student.HiddenGradient, Targets(batch), terms) { Lesson = lesson, Taught = taught?.Hidden },
            rows
        );
        if (further is not null)
        {
            var next = MicroBatchTrainer.FurtherTargets(batch.Targets);
            terms = new LossTerms(
                (float)model.Softcap,
                1,
                (1 - alpha) * weight * stage.MtpWeight / further.Rows,
                0,
                TeacherLogarithms: false
            );
            var readout = new Readout(further.Hidden, further.HiddenGradient, [new TargetTokens(Read(next), 1, 0)], terms);
            loss += Loss(weights, gradients, readout, further.Rows);
            further.Backward(weights, gradients, student.HiddenGradient, tokens, pass);
        }

        student.Backward(weights, gradients, pass);
        return tensor(loss, ScalarType.Float64);
    }

    public void Dispose()
    {
        // Also of one that was not finished.
        student?.Dispose();
        further?.Dispose();
        taught?.Dispose();
        teacherWeights?.Dispose();
        logits?.Dispose();
        teacherLogits?.Dispose();
        scratch?.Dispose();
    }

    /// <summary>Hidden states to their loss, and back to their gradient.</summary>
    private double Loss(FusedWeights weights, FusedWeights gradients, in Readout readout, int rows)
    {
        double loss = 0;
        for (var start = 0; start < rows; start += rowsAtOnce)
        {
            loss += Chunk(weights, gradients, readout, start, Math.Min(rowsAtOnce, rows - start));
        }

        return loss;
    }

    private double Chunk(FusedWeights weights, FusedWeights gradients, in Readout readout, int start, int count)
    {
        var v = model.VocabSize;
        using var hidden = readout.Hidden.Rows(start, count);
        using var slope = readout.Gradient.Rows(start, count);
        using var ours = logits.Rows(0, count);
        Matrix.ProductTransposed(ours, hidden, weights.Unembedding);
        if (readout.Lesson is { } lesson)
        {
            // Copied: the kernel writes there, and a lesson is another one's.
            NativeMemory.Copy(Matrix.Address(lesson) + ((long)start * v), teacherLogits!.Data, (nuint)((long)count * v * sizeof(float)));
        }
        else if (readout.Taught is not null)
        {
            using var known = readout.Taught.Rows(start, count);
            using var theirs = teacherLogits!.Rows(0, count);
            Matrix.ProductTransposed(theirs, known, teacherWeights!.Unembedding);
        }

        var teaching = readout is { Lesson: null, Taught: null } ? null : teacherLogits!.Data;
        var loss = LossKernel.Run(ours.Data, teaching, readout.Targets, start, readout.Terms, scratch.Data, count, v);
        Matrix.Product(slope, ours, weights.Unembedding);
        Matrix.AddTransposedProduct(gradients.Unembedding, ours, hidden);
        return loss;
    }

    /// <summary>Kernels look rows up without a test of their own: a wrong token would read, and write, beside the table.</summary>
    private void CheckTokens(Tensor tokens)
    {
        var all = new ReadOnlySpan<long>((long*)Matrix.Address(tokens), (int)tokens.numel());
        var most = (ulong)model.VocabSize;
        foreach (var token in all)
        {
            if ((ulong)token >= most)
            {
                throw new ArgumentException($"A token is {token}, expected 0 to {model.VocabSize - 1}.", nameof(tokens));
            }
        }
    }

    private TargetTokens[] Targets(in MicroBatch batch)
    {
        using var scope = NewDisposeScope();
        var next = batch.Targets;
        var future = batch.Settings.FutureWeights.Count == 0 ? [] : MicroBatchTrainer.Future(next, batch.Settings.FutureWeights);
        return
        [
            new TargetTokens(Read(next), 1, stage.LabelSmoothing),
            .. future.Select(one => new TargetTokens(Read(one.Targets), one.Share, 0)),
        ];
    }

    private static long[] Read(Tensor tokens) => MemoryMarshal.Cast<byte, long>(tokens.contiguous().bytes).ToArray();

    /// <summary>What the unembedding reads of some hidden states, and where their gradient goes.</summary>
    private readonly record struct Readout(Matrix Hidden, Matrix Gradient, TargetTokens[] Targets, LossTerms Terms)
    {
        /// <summary>What an ensemble says; null: none teaches.</summary>
        public Tensor? Lesson { get; init; }

        /// <summary>The hidden states of a model that teaches; null: none does.</summary>
        public Matrix? Taught { get; init; }
    }
}
