using System.Runtime.CompilerServices;

namespace Slowrun.Storage.Remote;

/// <summary>Listings by pages.</summary>
internal static class RemoteListing
{
    /// <summary>Each page is an operation of its own: a long listing outlives a deadline.</summary>
    /// <param name="page">Asks for the page that a continuation names, null for the first; with it comes the next one's.</param>
    public static async IAsyncEnumerable<T> PagesAsync<T>(
        StorePipeline pipeline,
        string prefix,
        Func<string?, CancellationToken, Task<(T Page, string? Next)>> page,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        string? next = null;
        do
        {
            var continuation = next;
            (var found, next) = await pipeline
                .RunAsync($"list '{prefix}'", token => page(continuation, token), cancellationToken)
                .ConfigureAwait(false);
            yield return found;
        } while (!string.IsNullOrEmpty(next));
    }

    /// <summary>Entries in ordinal order of their names, without what is no object of a store: some servers list in another order, and a
    /// bucket may hold what other programs put there.</summary>
    public static IEnumerable<ObjectEntry> Sorted(IEnumerable<ObjectEntry> entries) =>
        entries.Where(entry => ObjectNames.IsName(entry.Name)).OrderBy(entry => entry.Name, StringComparer.Ordinal);

    /// <summary>Folders in ordinal order, each once.</summary>
    /// <param name="prefixes">As the server tells them: with what was asked for before them, and a slash at the end.</param>
    /// <param name="skip">The length of what was asked for.</param>
    public static IEnumerable<string> Folders(IEnumerable<string> prefixes, int skip) =>
        prefixes
            .Select(prefix => prefix[skip..^1])
            .Where(folder => ObjectNames.IsSegment(folder))
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal);
}
