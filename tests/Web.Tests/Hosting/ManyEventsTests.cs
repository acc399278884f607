using System.Globalization;
using System.Net;
using Slowrun.Core.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Runs;
using static Slowrun.Web.Tests.ExampleStore;

namespace Slowrun.Web.Tests.Hosting;

/// <summary>Pages of a run to which very much has happened: counted by what they read and how long they are, not by time.</summary>
public sealed class ManyEventsTests
{
    private const int Events = 20_000;
    private const int GoalBytes = 300_000;

    // Older than all of them is what one test adds.
    private static readonly Lazy<Task<IObjectStore>> Made = new(MakeAsync);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData($"/runs/{Running}/events", 250)]
    [InlineData($"/runs/{Running}/events?before=5000", 250)]
    [InlineData($"/runs/{Running}/timeline", 250)]
    [InlineData($"/runs/{Running}/plots/timeline.svg", 250)]
    [InlineData($"/runs/{Running}", 0)]
    [InlineData($"/api/v1/runs/{Running}/events?limit=100", 100)]
    [InlineData($"/api/v1/runs/{Running}/timeline?limit=500", 500)]
    public async Task Page_OfARunWithVeryManyEvents_ReadsAndSendsOnlySome(string path, int reads)
    {
        var store = await StoreAsync();
        await using var page = await TestPage.StartAsync(store: store);

        using var answer = await page.GetAsync(path);
        var length = (await answer.Content.ReadAsByteArrayAsync(Stop)).Length;

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.InRange(length, 1, GoalBytes);
        Assert.Equal(reads, store.EventsRead);
    }

    [Fact]
    public async Task Stream_OfARunWithVeryManyEvents_ReadsNoneOfThem()
    {
        var store = await StoreAsync();
        await using var page = await TestPage.StartAsync(store: store);
        using var answer = await page.GetAsync($"/api/v1/runs/{Running}/stream");
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(Stop));
        Assert.StartsWith("event: status", await reader.ReadLineAsync(Stop), StringComparison.Ordinal);

        await new RunEvents(store, Running).AppendAsync(
            new RunEvent(DateTimeOffset.UnixEpoch, "told-late", null, "By a silo whose clock is behind."),
            Stop
        );
        string? line;
        while ((line = await reader.ReadLineAsync(Stop))?.StartsWith("event: event", StringComparison.Ordinal) == false) { }

        Assert.NotNull(line);
        Assert.Contains("told-late", await reader.ReadLineAsync(Stop), StringComparison.Ordinal);
        Assert.Equal(1, store.EventsRead);
    }

    /// <summary>Counts for one test what it reads of the store that all of them share.</summary>
    private static async Task<CountingStore> StoreAsync() => new(await Made.Value);

    private static async Task<IObjectStore> MakeAsync()
    {
        var store = await CreateAsync(Stop);
        for (var i = 0; i < Events; i++)
        {
            // As RunEvents names them.
            var name = string.Create(CultureInfo.InvariantCulture, $"{RunPaths.Events(Running)}{1_700_000_000_000 + i:D13}-{i:x8}.json");
            var happened = new RunEvent(
                DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000 + i),
                i % 2 == 0 ? "stage-taken" : "owner-lost",
                "chain0/stage1",
                $"spot-{i % 40} goes on from step {i} of 192 (epoch token {i})."
            )
            {
                Silo = $"spot-{i % 40}",
            };
            await store.WriteAsync(name, SealedJson.Serialize(name, happened), Stop);
        }

        return store;
    }

    private sealed class CountingStore(IObjectStore inner) : IObjectStore
    {
        private int eventsRead;

        public int EventsRead => eventsRead;

        public string Address => inner.Address;

        public Task<StoredObject?> TryReadAsync(string name, CancellationToken cancellationToken = default)
        {
            if (name.Contains("/events/", StringComparison.Ordinal))
            {
                Interlocked.Increment(ref eventsRead);
            }

            return inner.TryReadAsync(name, cancellationToken);
        }

        public Task<Stream?> TryOpenAsync(
            string name,
            long offset = 0,
            long? length = null,
            CancellationToken cancellationToken = default
        ) => inner.TryOpenAsync(name, offset, length, cancellationToken);

        public Task<string?> TryCreateAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
            inner.TryCreateAsync(name, content, cancellationToken);

        public Task<bool> TryCreateAsync(string name, Stream content, CancellationToken cancellationToken = default) =>
            inner.TryCreateAsync(name, content, cancellationToken);

        public Task<string?> TryReplaceAsync(
            string name,
            ReadOnlyMemory<byte> content,
            string etag,
            CancellationToken cancellationToken = default
        ) => inner.TryReplaceAsync(name, content, etag, cancellationToken);

        public Task WriteAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
            inner.WriteAsync(name, content, cancellationToken);

        public Task<bool> TryDeleteAsync(string name, string? etag = null, CancellationToken cancellationToken = default) =>
            inner.TryDeleteAsync(name, etag, cancellationToken);

        public IAsyncEnumerable<ObjectEntry> ListAsync(string prefix, CancellationToken cancellationToken = default) =>
            inner.ListAsync(prefix, cancellationToken);

        public IAsyncEnumerable<string> ListFoldersAsync(string prefix, CancellationToken cancellationToken = default) =>
            inner.ListFoldersAsync(prefix, cancellationToken);
    }
}
