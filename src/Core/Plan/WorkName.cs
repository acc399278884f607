namespace Slowrun.Core.Plan;

/// <summary>What each kind of slot work is called among a silo's work, in its pace and in its log.</summary>
public static class WorkName
{
    private const string Training = "train ";

    public static string Train(string run, StageId stage) => Train($"{run}/{stage}");

    /// <param name="key">A stage grain's key.</param>
    public static string Train(string key) => Training + key;

    public static bool IsTraining(string work)
    {
        ArgumentNullException.ThrowIfNull(work);
        return work.StartsWith(Training, StringComparison.Ordinal);
    }

    public static string Score(string run, StageId stage) => $"score {run}/{stage}";

    public static string Mix(string run) => $"mix {run}";

    /// <summary>The run that a piece of work belongs to.</summary>
    public static string RunOf(string work)
    {
        ArgumentNullException.ThrowIfNull(work);
        return work.Split(' ')[1].Split('/')[0];
    }
}
