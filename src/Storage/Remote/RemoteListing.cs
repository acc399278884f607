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
    /// <param name="entries">What a page has.</param>
    public static async IAsyncEnumerable<ObjectEntry> EntriesAsync<T>(
        string prefix,
        IAsyncEnumerable<T> pages,
        Func<T, IEnumerable<ObjectEntry>> entries
    )
    {
        ObjectNames.CheckPrefix(prefix);
        var all = await AllAsync(pages, entries).ConfigureAwait(false);
        foreach (var entry in all.Where(entry => ObjectNames.IsName(entry.Name)).OrderBy(entry => entry.Name, StringComparer.Ordinal))
        {
            yield return entry;
        }
    }

    /// <summary>Folders in ordinal order, each once.</summary>
    /// <param name="prefixes">What a page has, as the server tells it: with what was asked for before each, and a slash at the end.</param>
    /// <param name="skip">The length of what was asked for.</param>
    public static async IAsyncEnumerable<string> FoldersAsync<T>(
        string prefix,
        IAsyncEnumerable<T> pages,
        Func<T, IEnumerable<string>> prefixes,
        int skip
    )
    {
        ObjectNames.CheckFolder(prefix);
        var all = await AllAsync(pages, prefixes).ConfigureAwait(false);
        var folders = all.Select(found => found[skip..^1]).Where(folder => ObjectNames.IsSegment(folder));
        foreach (var folder in folders.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            yield return folder;
        }
    }

    private static async Task<List<TFound>> AllAsync<T, TFound>(IAsyncEnumerable<T> pages, Func<T, IEnumerable<TFound>> found)
    {
        var all = new List<TFound>();
        await foreach (var page in pages.ConfigureAwait(false))
        {
            all.AddRange(found(page));
        }

        return all;
    }
}
