using Slowrun.Core.Plan;

namespace Slowrun.Grains.Slots;

/// <summary>What each kind of slot work is called among this silo's work, in its pace and in its log.</summary>
internal static class WorkName
{
    public static string Train(string run, StageId stage) => Train($"{run}/{stage}");

    /// <param name="key">A stage grain's key.</param>
    public static string Train(string key) => $"train {key}";

    public static string Score(string run, StageId stage) => $"score {run}/{stage}";

    public static string Mix(string run) => $"mix {run}";

    /// <summary>The run that a piece of work belongs to.</summary>
    public static string RunOf(string work) => work.Split(' ')[1].Split('/')[0];
}
