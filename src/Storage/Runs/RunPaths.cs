using System.Globalization;
using Slowrun.Core.Plan;

namespace Slowrun.Storage.Runs;

/// <summary>Where a run's objects are in the store: the one place that knows.</summary>
public static class RunPaths
{
    public const string Runs = "runs/";

    /// <exception cref="ArgumentException">Not a name that a run can have.</exception>
    public static string Run(string run) =>
        IsName(run)
            ? $"{Runs}{run}/"
            : throw new ArgumentException(
                $"'{run}' is no run's name: use letters, digits and . _ @ - without a dot at either end.",
                nameof(run)
            );

    public static bool IsName(string? run) => run is { Length: <= 100 } && ObjectNames.IsSegment(run);

    public static string Spec(string run) => Run(run) + "spec";

    public static string Operations(string run) => Run(run) + "operations";

    public static string Intent(string run) => Run(run) + "intent";

    public static string Submitted(string run) => Run(run) + "submitted";

    public static string Judging(string run) => Run(run) + "judging";

    public static string Efficiency(string run) => Run(run) + "efficiency";

    /// <summary>The folder of a stage: its root, its progress, its checkpoints.</summary>
    public static string Stage(string run, StageId stage) => $"{Run(run)}{stage}/";

    public static string Root(string run, StageId stage) => Stage(run, stage) + "root";

    /// <summary>Whether an object of a run is a stage's root.</summary>
    internal static bool IsRoot(string name) => name.EndsWith("/root", StringComparison.Ordinal);

    /// <summary>Written after the root, with the same content: what a damaged or rolled-back root is recovered from.</summary>
    public static string RootCopy(string run, StageId stage) => CopiedJson.CopyOf(Root(run, stage));

    public static string Progress(string run, StageId stage) => Stage(run, stage) + "progress";

    /// <summary>The folder of one checkpoint: <c>TOKEN-STEP/</c>, so that two owners of a stage never write the same objects.</summary>
    public static string Checkpoint(string run, StageId stage, long epochToken, int step) =>
        Stage(run, stage) + string.Create(CultureInfo.InvariantCulture, $"{epochToken:D6}-{step:D8}/");

    public static string Snapshot(string run, string sha256) => $"{Snapshots(run)}{sha256}.safetensors";

    /// <summary>The prefix of all snapshots of a run.</summary>
    public static string Snapshots(string run) => $"{Run(run)}snapshots/";

    public static string Scores(string run) => Run(run) + "scores/";

    public static string Ensembles(string run) => Run(run) + "ensembles/";

    public static string Events(string run) => Run(run) + "events/";

    public static string Notices(string run) => Run(run) + "notices/";

    /// <summary>The epoch token and step that a checkpoint's folder is named by.</summary>
    public static bool TryParseCheckpoint(ReadOnlySpan<char> folder, out long epochToken, out int step)
    {
        epochToken = 0;
        step = 0;
        var dash = folder.IndexOf('-');
        return dash >= 6
            && long.TryParse(folder[..dash], NumberStyles.None, CultureInfo.InvariantCulture, out epochToken)
            && int.TryParse(folder[(dash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out step);
    }
}
