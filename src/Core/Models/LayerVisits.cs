using Slowrun.Core.Recipes;

namespace Slowrun.Core.Models;

/// <summary>In which order a pass visits the layers.</summary>
public static class LayerVisits
{
    /// <summary>Every layer once; with a loop, layers [Start, End) a further <see cref="LoopRecipe.Replays"/> times after End-1.</summary>
    /// <param name="loop">Null: no loop, or it has not begun yet.</param>
    /// <param name="present">Of the layers, as many as take part: half of them the first, half the last. Null: all.</param>
    public static IReadOnlyList<int> Of(int layers, LoopRecipe? loop, int? present = null)
    {
        var once = Enumerable.Range(0, layers);
        if (present is { } some && some < layers)
        {
            // No loop goes with a depth schedule.
            return [.. once.Take(some / 2), .. once.Skip(layers - (some / 2))];
        }

        if (loop is null)
        {
            return [.. once];
        }

        var again = Enumerable.Repeat(Enumerable.Range(loop.Start, loop.End - loop.Start), loop.Replays).SelectMany(layer => layer);
        return [.. once.Take(loop.End), .. again, .. once.Skip(loop.End)];
    }

    /// <summary>Of a stage's passes, on average over its steps.</summary>
    /// <param name="layers">Of the model.</param>
    public static double Mean(int layers, StageRecipe stage)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var (mean, from) = (
            layers + (stage.Loop is { } loop ? (loop.End - loop.Start) * loop.Replays * (1 - loop.FromFraction) : 0.0),
            0.0
        );
        foreach (var phase in stage.Depth ?? [])
        {
            mean -= (layers - phase.Layers) * (phase.UntilFraction - from);
            from = phase.UntilFraction;
        }

        return mean;
    }
}
