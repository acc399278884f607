using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Slowrun.Core.Stages;

namespace Slowrun.Storage.Runs;

/// <summary>A run's events: one small object each, so that any number of silos append without meeting.</summary>
public sealed class RunEvents(IObjectStore store, string run)
{
    private const int ReadAtOnce = 16;

    // Milliseconds since 1970, until the year 2286.
    private const int TimeDigits = 13;

    public async Task AppendAsync(RunEvent happened, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(happened);
        string? name;
        do
        {
            name = string.Create(
                CultureInfo.InvariantCulture, $"{Prefix(happened.At)}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}.json");
        }
        while (!await store.TryCreateJsonAsync(name, happened, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Events in the order of their times; one that cannot be read is an event that says so.</summary>
    /// <param name="seen">Names of events to leave out; those given are added. Null: all are given.</param>
    /// <param name="since">Older ones are not read; null: all are.</param>
    /// <param name="newest">Of those, only so many, the newest; null: all.</param>
    public async IAsyncEnumerable<RunEvent> ListAsync(
        ISet<string>? seen = null, DateTimeOffset? since = null, int? newest = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var names = new List<string>();
        await foreach (var entry in store.ListAsync(RunPaths.Events(run), cancellationToken).ConfigureAwait(false))
        {
            if (seen?.Add(entry.Name) != false && !(TimeOf(entry.Name) < since))
            {
                names.Add(entry.Name);
            }
        }

        names = newest is { } most ? [.. names.TakeLast(most)] : names;

        foreach (var chunk in names.Chunk(ReadAtOnce))
        {
            foreach (var found in await Task.WhenAll(chunk.Select(name => ReadAsync(name, cancellationToken))).ConfigureAwait(false))
            {
                if (found is not null)
                {
                    yield return found;
                }
            }
        }
    }

    private async Task<RunEvent?> ReadAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            return await store.TryReadJsonAsync<RunEvent>(name, cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidDataException e)
        {
            // A damaged event must not hide the others.
            return new RunEvent(TimeOf(name), "event-damaged", null, e.Message);
        }
    }

    private string Prefix(DateTimeOffset at) =>
        RunPaths.Events(run) + at.ToUnixTimeMilliseconds().ToString($"D{TimeDigits}", CultureInfo.InvariantCulture);

    private DateTimeOffset TimeOf(string name)
    {
        var time = name.AsSpan(RunPaths.Events(run).Length);
        return long.TryParse(time[..Math.Min(time.Length, TimeDigits)], NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
            ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds)
            : DateTimeOffset.UnixEpoch;
    }
}
