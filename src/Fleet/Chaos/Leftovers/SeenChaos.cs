namespace Slowrun.Fleet.Chaos.Leftovers;

/// <summary>A chaos as its mark in the store shows it.</summary>
/// <param name="Name">Of the mark.</param>
/// <param name="LastSign">By the store's clock.</param>
/// <param name="UnderWay">Whether it lives, or may live.</param>
/// <param name="Runs">Those of its runs that are in the store.</param>
public sealed record SeenChaos(string Name, ChaosMark Mark, DateTimeOffset LastSign, bool UnderWay, IReadOnlyList<string> Runs)
{
    /// <summary>Whether there is anything that its user would miss or want to be rid of.</summary>
    public bool LeftSomething => Runs.Count > 0 || CacheFolder is not null;

    /// <summary>Its cache folder, where that is on this machine and still there.</summary>
    public string? CacheFolder => Mark.CacheFolder is { } folder && ChaosCache.IsOne(folder) && Directory.Exists(folder) ? folder : null;

    public string Who =>
        FormattableString.Invariant(
            $"process {Mark.Process.ProcessId} of '{Mark.Host}', last seen {LastSign.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC"
        );
}
