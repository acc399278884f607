using System.Net;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Runs;
using Slowrun.Grains.Tests.Simulation;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tests;

namespace Slowrun.Grains.Tests.Runs;

/// <summary>A run's desk on a store of its own, beside three silos that it may wake. No time passes by itself.</summary>
public abstract class RunDeskBench
{
    private protected const string Run = "run";
    private protected static readonly StageId First = new(0, 0);
    private protected static readonly StageId Second = new(0, 1);

    private protected readonly FakeTimeProvider time = new();
    private protected readonly MemoryStore store = new();
    private protected readonly FleetMembership membership = new();
    private protected readonly SiloAddress[] silos =
    [
        .. Enumerable.Range(1, 3).Select(port => SiloAddress.New(IPAddress.Loopback, port, 1)),
    ];
    private protected readonly List<string> woken = [];
    private protected HashSet<string>? wakeable;
    private protected readonly RunDocuments documents;
    private protected readonly SlowStore slow;
    private protected readonly RunDesk desk;

    private protected RunDeskBench()
    {
        documents = new RunDocuments(store, Run);
        foreach (var silo in silos)
        {
            membership.Set(silo, SiloStatus.Active);
        }

        slow = new SlowStore(store);
        var watch = new RunWatch(new RunFactsReader(slow, time), slow, membership, new LivingSilos(membership), time);
        desk = new RunDesk(Run, Address(0), watch, (silo, _) => woken.Add(silo), () => wakeable ?? watch.ActiveSilos(), time);
    }

    private protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private protected static SnapshotRef Snapshot => new("s", new string('a', 64), 1, DateTimeOffset.UnixEpoch);

    private protected string Address(int silo) => silos[silo].ToParsableString();

    private protected async Task SubmitAsync(string chains)
    {
        var spec = SpecReader.FromPreset("micro", new SpecOverrides { Name = Run, Set = [$"chains=[{chains}]"] });
        await documents.TryCreateSpecAsync(spec, Cancel);
    }

    private protected async Task TrainingAsync(int owner, StageId? id = null) =>
        await WriteAsync(
            id ?? First,
            root => root with { EpochToken = 1, Steps = 10, Owner = new StageOwner(Address(owner), "owner", ["cpu:0"], time.GetUtcNow()) }
        );

    private protected async Task WriteAsync(StageId id, Func<StageRoot, StageRoot> change)
    {
        var document = documents.Root(id);
        var root = await document.ReadAsync(Cancel) ?? new StageRoot();
        await document.WriteAsync(
            change(root) with
            {
                Revision = root.Revision + 1,
                WriteId = $"w{root.Revision + 1}",
                WrittenAt = time.GetUtcNow(),
            },
            Cancel
        );
    }

    private protected Task ReportAsync(long revision, bool hasEnded = false) =>
        desk.ReportAsync(
            new StageProgress
            {
                Stage = First.ToString(),
                EpochToken = 1,
                Activity = StageActivity.Training,
                Step = 1,
                Steps = 10,
                RootRevision = revision,
                HasEnded = hasEnded,
                At = time.GetUtcNow(),
            }
        );

    /// <summary>What an owner reports is read behind its back.</summary>
    private protected Task UntilWokenAsync(int count) => Until.HoldsAsync(() => woken.Count >= count);

    private protected Task AskAsync(int silo) => HandedAsync(silo);

    private protected async Task<IEnumerable<StageId>> HandedAsync(int silo) =>
        (await desk.LookAsync(new RunQuestion(Address(silo), 1) { MembershipVersion = membership.CurrentSnapshot.Version.Value }))!
            .Handed.Where(work => work.StartsWith("train ", StringComparison.Ordinal))
            .Select(work => StageId.TryParse(work[(work.IndexOf('/', StringComparison.Ordinal) + 1)..], out var id) ? id : default);

    private protected sealed class SlowStore(IObjectStore inner) : DelegatingStore(inner)
    {
        /// <summary>What every operation waits for; null: nothing.</summary>
        public TaskCompletionSource? Gate { get; set; }

        public int Waiting { get; set; }

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            Waiting++;
            await (Gate?.Task ?? Task.CompletedTask);
            return await run();
        }
    }
}
