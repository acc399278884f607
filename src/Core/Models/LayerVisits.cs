using Slowrun.Core.Recipes;

namespace Slowrun.Core.Models;

/// <summary>In which order a pass visits the layers.</summary>
public static class LayerVisits
{
    /// <summary>Every layer once; with a loop, layers [Start, End) a further <see cref="LoopRecipe.Replays"/> times after End-1.</summary>
    /// <param name="loop">Null: no loop, or it has not begun yet.</param>
    public static IReadOnlyList<int> Of(int layers, LoopRecipe? loop)
    {
        var once = Enumerable.Range(0, layers);
        if (loop is null)
        {
            return [.. once];
        }

        var again = Enumerable.Repeat(Enumerable.Range(loop.Start, loop.End - loop.Start), loop.Replays).SelectMany(layer => layer);
        return [.. once.Take(loop.End), .. again, .. once.Skip(loop.End)];
    }
}
