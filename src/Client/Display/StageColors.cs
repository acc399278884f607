using ScottPlot;
using Slowrun.Core.Plan;

namespace Slowrun.Client.Display;

/// <summary>Colours that tell stages apart: in one chain they change from stage to stage, in several each chain has one of its own, lighter
/// in later stages.</summary>
internal sealed class StageColors(IReadOnlyCollection<StageId> stages)
{
    // The end of the scale is a yellow that white paper hides.
    private const double ScaleEnd = 0.88;

    private readonly int[] chains = [.. stages.Select(stage => stage.Chain).Distinct().Order()];
    private readonly int lastStage = stages.Select(stage => stage.Stage).DefaultIfEmpty().Max();
    private readonly ScottPlot.Colormaps.Viridis scale = new();
    private readonly ScottPlot.Palettes.Category10 palette = new();

    public Color Of(StageId stage)
    {
        var place = Array.IndexOf(chains, stage.Chain);
        if (chains.Length == 1)
        {
            return scale.GetColor(ScaleEnd * stage.Stage / Math.Max(1, lastStage));
        }

        return chains.Length > palette.Colors.Length
            ? scale.GetColor(ScaleEnd * place / (chains.Length - 1))
            : palette.GetColor(place).Lighten(0.55 * stage.Stage / Math.Max(1, lastStage));
    }
}
