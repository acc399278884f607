using System.Text.RegularExpressions;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tests;
using Slowrun.Storage.Tests.Checkpoints;

namespace Slowrun.Grains.Tests;

/// <summary>
/// A whole run (submit, take, train, commit, score, mix) on a store of which one operation under <c>runs/</c> goes wrong. By default one
/// operation of each kind, by a fixed seed; <c>SLOWRUN_CRASHES=all</c> tries every one.
/// </summary>
public sealed partial class CrashTests
{
    private static readonly bool EveryOne = Environment.GetEnvironmentVariable("SLOWRUN_CRASHES") == "all";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(nameof(Fault.DiesBefore))]
    [InlineData(nameof(Fault.DiesAfter))]
    [InlineData(nameof(Fault.RequestLost))]
    [InlineData(nameof(Fault.AnswerLost))]
    [InlineData(nameof(Fault.Echo))]
    public async Task Run_WhenAnyOneOperationGoesWrong_EndsWithTheSameBytesAndNothingLeftOver(string name)
    {
        var fault = Enum.Parse<Fault>(name);
        var calmStore = new FaultyStore(new MemoryStore(), int.MaxValue, fault);
        await DisturbedAsync(calmStore);
        var kinds = calmStore.Kinds.OrderBy(kind => kind.Key, StringComparer.Ordinal).ToArray();
        var operations = kinds.Sum(kind => kind.Value);
        var calm = await FinishedAsync(new LocalRun(calmStore));
        Assert.True(operations > 100, $"Only {operations} operations were made.");

        // Uploads run behind the training, so a disturbed run may make a few more operations than the calm one.
        var random = new Random(name.Length);
        var chosen = EveryOne
            ? Enumerable.Range(1, operations + 20).Select(n => (Kind: (string?)null, Number: n))
            : kinds.Select(kind => (Kind: (string?)kind.Key, Number: random.Next(1, kind.Value + 1)));
        var struck = 0;
        foreach (var (kind, n) in chosen)
        {
            var store = new MemoryStore();
            var watched = new WatchedStore(store);
            var faulty = new FaultyStore(watched, n, fault, kind);
            await DisturbedAsync(faulty);
            struck += faulty.StruckAt is null ? 0 : 1;
            var story = $"{kind} {n}, struck at '{faulty.StruckAt}': ";
            Assert.True(watched.Damage is null, $"{story}{watched.Damage}");
            if (n % 2 == 0)
            {
                // Any client may clean up at any time.
                await CollectAsync(store);
            }

            var after = await FinishedAsync(new LocalRun(store));
            Assert.True(
                calm.SequenceEqual(after),
                $"{story}ended with {string.Join(' ', after.Except(calm))} more and without {string.Join(' ', calm.Except(after))}; both: {string.Join(' ', calm)}"
            );
        }

        Assert.True(struck > 15, $"Only {struck} faults were met.");
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{name}: struck {struck} times; the calm run makes {operations} operations of {kinds.Length} kinds."
        );
    }

    /// <summary>Works on the store until it is done or the machine vanishes. What vanished may go on, but reaches the store no
    /// more.</summary>
    private static async Task DisturbedAsync(FaultyStore store)
    {
        StageRunner? runner = null;
        var work = Task.Run(async () =>
        {
            await using var run = new LocalRun(store);
            // As a client and a slot loop do: what failed is tried again.
            for (var failures = 0; ; )
            {
                try
                {
                    await run.SubmitAsync();
                    if (!await run.StepAsync(begun => Volatile.Write(ref runner, begun)))
                    {
                        return;
                    }
                }
                catch (IOException) when (failures++ < 3) { }
            }
        });
        if (store.Kills)
        {
            await Task.WhenAny(work, store.Striking);
            Volatile.Read(ref runner)?.Stop(StopReason.Fenced);
        }

        // A machine that has vanished ends somehow.
        if (!store.Kills || store.StruckAt is null)
        {
            await work;
        }
    }

    /// <returns>What the run ended with: final bytes by their names, results, and the names of all that is left after a gc.</returns>
    private static async Task<string[]> FinishedAsync(LocalRun run)
    {
        await run.SubmitAsync();
        for (var pieces = 0; await run.StepAsync(); pieces++)
        {
            Assert.True(pieces < 30, $"It does not come to an end: {await run.StoryAsync()}");
        }

        var status = StatusBuilder.Build(await run.FactsAsync(), StatusSource.Store, TimeProvider.System.GetUtcNow());
        Assert.True(status.State == RunState.Succeeded, await run.StoryAsync());
        await CollectAsync(run.Store);
        Assert.Null(await DamageAsync(run.Store));

        var facts = await run.FactsAsync();
        var named = facts
            .Roots.Values.SelectMany(root => new[] { root.Current, root.Previous })
            .OfType<CheckpointRef>()
            .Select(checkpoint => checkpoint.Manifest)
            .ToHashSet();
        var names = await run
            .Store.ListAsync("runs/", Cancel)
            .Select(entry => entry.Name)
            .Where(name => !name.StartsWith(RunPaths.Events("micro"), StringComparison.Ordinal))
            .ToListAsync(Cancel);
        // Which step the reserve is of depends on how fast uploads were.
        var kept = names.Select(name =>
            named.Contains(FolderOf(name) + "manifest.json") ? CheckpointFolder().Replace(name, "/named-by-the-root/") : name
        );
        return
        [
            .. kept.Distinct(),
            .. facts.Roots.Values.Select(root => $"{root.DurableStep}/{root.Steps} {root.Snapshot!.Sha256}"),
            $"{status.Ensemble?.LossNats:R} nats",
        ];
    }

    private static async Task<string?> DamageAsync(IObjectStore store)
    {
        var damaged = await new CheckpointInventory(store, "micro")
            .VerifyAsync(Stages, cancellationToken: Cancel)
            .FirstOrDefaultAsync(one => one.Damage is not null, Cancel);
        return damaged is null ? null : $"{damaged.Name}: {damaged.Damage}";
    }

    private static Task CollectAsync(IObjectStore store) =>
        new CheckpointInventory(store, "micro").CollectAsync(Stages, null, 2, dryRun: false, Cancel);

    private static StageId[] Stages { get; } = [new(0, 0), new(0, 1)];

    private static string FolderOf(string name) => name[..(name.LastIndexOf('/') + 1)];

    /// <summary>Looks after every write of a root whether what the roots name is whole.</summary>
    private sealed class WatchedStore(IObjectStore inner) : DelegatingStore(inner)
    {
        public string? Damage { get; private set; }

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            var result = await run();
            if (operation.Kind is "create" or "replace" && operation.Name.EndsWith("/root", StringComparison.Ordinal))
            {
                Damage ??= await DamageAsync(Inner);
            }

            return result;
        }
    }

    [GeneratedRegex(@"/\d{6}-\d{8}/")]
    private static partial Regex CheckpointFolder();
}
