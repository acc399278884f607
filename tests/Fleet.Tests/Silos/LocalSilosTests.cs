using System.Collections.Concurrent;
using Slowrun.Core;
using Slowrun.Fleet.Silos;
using Slowrun.Reading.Runs;
using Slowrun.Storage;
using Slowrun.Storage.Addresses;
using Slowrun.Storage.Runs;

namespace Slowrun.Fleet.Tests.Silos;

/// <summary>With a script in the silo's place: what counts here is when it is started, and how it is told to stop.</summary>
public sealed class LocalSilosTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly List<string> told = [];

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Supervise_WhenTheSiloDiesAgainAndAgain_EndsWithItsLastWords()
    {
        var store = await StoreAsync();
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(Example.Start)
        {
            AutoAdvanceAmount = TimeSpan.FromMilliseconds(1),
        };
        await using var silos = Silos(store, time, "echo it broke; exit 3");

        var e = await Assert.ThrowsAsync<NotPossibleException>(() => AdvancedAsync(silos.SuperviseAsync(Example.Stop), time));

        Assert.Contains("ended with exit code 3, 6 times in a row", e.Message, StringComparison.Ordinal);
        Assert.Contains("  it broke", e.Message, StringComparison.Ordinal);
        var events = await new RunEvents(store, "micro").ListAsync(cancellationToken: Example.Stop).ToListAsync(Example.Stop);
        Assert.Equal(5, events.Count(happened => happened.Kind == "silo-restarted"));
    }

    [Fact]
    public async Task Supervise_WhenADeadSiloHadCommitted_StartsItAgainWithoutEnd()
    {
        var store = await StoreAsync();
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(Example.Start);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Example.Stop);
        await using var silos = Silos(store, time, "exit 9");
        var supervising = silos.SuperviseAsync(stop.Token);

        // More deaths than would be borne without progress; each time the stage has got a step further.
        for (var step = 1; step <= 10; step++)
        {
            await store.WriteAsync(RunPaths.Root("micro", new(0, 0)), Core.CanonicalJson.Serialize(Example.Begun(step)), Example.Stop);
            var restarts = step;
            await AdvancedAsync(Until.HoldsAsync(() => told.Count > restarts), time);
        }

        Assert.False(supervising.IsCompleted);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => AdvancedAsync(supervising, time));
    }

    [Fact]
    public async Task Dispose_LetsTheSiloStopByTheEndOfItsInput()
    {
        var store = await StoreAsync();
        var done = Path.Combine(folder.Path, "committed");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Example.Stop);
        var started = Path.Combine(folder.Path, "started");
        var silos = Silos(store, TimeProvider.System, $"touch '{started}'; while read line; do :; done; echo \"$@\" > '{done}'");
        var supervising = silos.SuperviseAsync(stop.Token);
        await Until.HoldsAsync(() => File.Exists(started));

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => supervising);
        await silos.DisposeAsync();

        Assert.Equal($"silo --store {store.Address} --parent-pipe --slots cpu:1", (await File.ReadAllTextAsync(done, Example.Stop)).Trim());
        Assert.Equal(["Starting a silo on this machine…"], told);
    }

    [Fact]
    public async Task Supervise_OfEightClientsAtOnce_StartsOneSetOfSilos()
    {
        var store = await StoreAsync();
        var started = Path.Combine(folder.Path, "started");
        // Alive, but never a member of the cluster: none of the others may conclude that it has to start one.
        var script = $"echo $$ >> '{started}'; while read line; do :; done";
        var (starters, waiters) = (new ConcurrentQueue<int>(), new ConcurrentQueue<int>());
        var clients = Enumerable
            .Range(0, 8)
            .Select(i =>
                (
                    Stop: CancellationTokenSource.CreateLinkedTokenSource(Example.Stop),
                    Silos: Silos(
                        store,
                        TimeProvider.System,
                        script,
                        line => (line.StartsWith("Starting", StringComparison.Ordinal) ? starters : waiters).Enqueue(i)
                    )
                )
            )
            .ToList();

        var supervising = clients.Select(client => Task.Run(() => client.Silos.SuperviseAsync(client.Stop.Token))).ToList();
        await Until.HoldsAsync(() => File.Exists(started) && waiters.Count == 7);
        Assert.Single(starters);
        Assert.Single(await File.ReadAllLinesAsync(started, Example.Stop));
        Assert.All(clients, client => Assert.True(client.Silos.Starting));

        // The one that started it goes: another takes over by itself.
        var first = starters.Single();
        await clients[first].Stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => supervising[first]);
        await clients[first].Silos.DisposeAsync();
        await Until.HoldsAsync(() => File.ReadAllLines(started).Length == 2);

        // All before any of them lets go: else one that is left takes over, as it should.
        await Task.WhenAll(clients.Select(client => client.Stop.CancelAsync()));
        foreach (var (client, task) in clients.Zip(supervising).Where((_, i) => i != first))
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
            await client.Silos.DisposeAsync();
        }

        clients.ForEach(client => client.Stop.Dispose());
        Assert.Equal(2, starters.Count);
    }

    [Fact]
    public void Tail_OfALog_LeavesTracesOut()
    {
        var log = folder.Write("silo.log", "one\n   at Some.Method()\n--- End of stack trace ---\ntwo\n");

        Assert.Equal("  one\n  two", SiloLogs.Tail(log, 5));
        Assert.Equal("", SiloLogs.Tail(log + ".none", 5));
        Assert.True(SiloLogs.Says(log, "tw"));
        Assert.False(SiloLogs.Says(log, "three"));
        Assert.False(SiloLogs.Says(log + ".none", "one"));
        Assert.Equal((1, 0), (SiloLogs.Count(log, "tw"), SiloLogs.Count(log + ".none", "tw")));
    }

    [Fact]
    public void Keep_OfALog_PutsItWhereNewOnesDoNotReplaceIt()
    {
        var first = SiloLogs.FileOf(SiloLogs.NewName(folder.Path, new DateTimeOffset(2026, 11, 1, 0, 0, 0, TimeSpan.Zero)), 7);
        File.WriteAllText(first, "why");

        var kept = SiloLogs.Keep(first);
        for (var i = 1; i <= 5; i++)
        {
            File.WriteAllText(
                SiloLogs.FileOf(SiloLogs.NewName(folder.Path, new DateTimeOffset(2026, 11, 1, 0, 0, i, TimeSpan.Zero), kept: 3), i),
                ""
            );
        }

        Assert.Equal("why", File.ReadAllText(kept));
        Assert.Equal(4, Directory.GetFiles(Path.GetDirectoryName(kept)!).Length);
    }

    private LocalSilos Silos(IObjectStore store, TimeProvider time, string script) =>
        Silos(
            store,
            time,
            script,
            line =>
            {
                lock (told)
                {
                    told.Add(line);
                }
            }
        );

    private static LocalSilos Silos(IObjectStore store, TimeProvider time, string script, Action<string> tell) =>
        new(
            new RunReader(store, time),
            "micro",
            new SiloProgram("/bin/sh", ["-c", script, "silo-program"]),
            [
                ["--slots", "cpu:1"],
            ],
            time,
            tell
        );

    private async Task<IObjectStore> StoreAsync()
    {
        var store = await StoreAddress.OpenAsync(Path.Combine(folder.Path, "store"), create: true, cancellationToken: Example.Stop);
        var spec = Core.Specs.SpecReader.FromPreset("micro");
        Assert.True(await new RunDocuments(store, "micro").TryCreateSpecAsync(spec, Example.Stop));
        return store;
    }

    /// <summary>Lets the fake clock run beside real processes.</summary>
    private static async Task AdvancedAsync(Task task, Microsoft.Extensions.Time.Testing.FakeTimeProvider time)
    {
        while (!task.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(250));
            await Task.WhenAny(task, Task.Delay(5, Example.Stop));
        }

        await task;
    }
}
