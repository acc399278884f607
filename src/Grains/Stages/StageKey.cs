using Slowrun.Core.Plan;

namespace Slowrun.Grains.Stages;

/// <summary>The key of stage and member grains: <c>RUN/chain0/stage1</c>.</summary>
internal static class StageKey
{
    public static string Of(string run, StageId stage) => $"{run}/{stage}";

    /// <exception cref="FormatException">Not such a key.</exception>
    public static (string Run, StageId Stage) Parse(string key)
    {
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && StageId.TryParse(key[(slash + 1)..], out var stage)
            ? (key[..slash], stage)
            : throw new FormatException($"'{key}' is no stage's key; expected RUN/chain0/stage1.");
    }
}
