using Slowrun.Core.Plan;

namespace Slowrun.Grains.Stages;

/// <summary>The key of stage and member grains: <c>RUN/chain0/stage1</c>.</summary>
internal static class StageKey
{
    public static string Of(string run, StageId stage) => $"{run}/{stage}";

    /// <summary>A training's name among this silo's work.</summary>
    public static string LocalOf(string run, StageId stage) => LocalOf(Of(run, stage));

    public static string LocalOf(string key) => $"train {key}";

    /// <exception cref="FormatException">Not such a key.</exception>
    public static (string Run, StageId Stage) Parse(string key)
    {
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && StageId.TryParse(key[(slash + 1)..], out var stage)
            ? (key[..slash], stage)
            : throw new FormatException($"'{key}' is no stage's key; expected RUN/chain0/stage1.");
    }
}
