using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Training.Numerics;

namespace Slowrun.Training.Fingerprinting;

/// <summary>Sizes and precision of a training, by which a library chooses its kernels. A stage's fingerprint is taken at the stage's
/// own.</summary>
internal sealed record KernelShape
{
    // A processor's fingerprint is taken in some tens of milliseconds, beside what else a silo does.
    private const int MostHeadWidth = 64;
    private const int MostLength = 128;

    /// <summary>The shape of a slot's own fingerprint, without a stage.</summary>
    public static KernelShape Canned { get; } =
        new()
        {
            Products = MatrixPrecision.F32,
            Path = StepPath.Fused,
            VocabSize = 61,
            SequenceLength = 48,
            Heads = 2,
            Width = 96,
            Windows = new(24, 48),
            Rows = 2,
        };

    public required MatrixPrecision Products { get; init; }

    /// <summary>On a processor; any other device has the composed one.</summary>
    public required StepPath Path { get; init; }

    public required int VocabSize { get; init; }

    public required int SequenceLength { get; init; }

    public required int Heads { get; init; }

    public required int Width { get; init; }

    public required AttentionWindows Windows { get; init; }

    public required int Rows { get; init; }

    /// <param name="gpu">A GPU's is a stage's own in everything but the number of layers; a processor's is bounded.</param>
    public static KernelShape Of(StagePlan plan, bool gpu)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var (model, windows) = (plan.Model, AttentionWindows.Of(plan.Model));
        var own = new KernelShape
        {
            Products = model.Products,
            Path = StepPaths.Of(plan, onProcessor: !gpu),
            VocabSize = model.VocabSize,
            SequenceLength = model.SequenceLength,
            Heads = model.Heads,
            Width = model.Width,
            Windows = windows,
            Rows = plan.Stage.DeviceRows,
        };
        if (gpu)
        {
            return own;
        }

        var length = Math.Min(model.SequenceLength, MostLength);
        return own with
        {
            VocabSize = Canned.VocabSize,
            SequenceLength = length,
            Heads = Canned.Heads,
            Width = Canned.Heads * Math.Clamp(model.Width / model.Heads, 16, MostHeadWidth),
            Windows = new(Math.Min(windows.Narrow, length), Math.Min(windows.Wide, length)),
            Rows = Canned.Rows,
        };
    }
}
