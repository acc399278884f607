using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Grains.Interfaces;
using Slowrun.Storage;
using Slowrun.Storage.Tests;

namespace Slowrun.Grains.Tests.Fleets;

/// <summary>Silos whose loops look for work once, and then never again unless something wakes them.</summary>
public sealed class WakingTests
{
    private const string Run = "micro";
    private static readonly StageId First = new(0, 0);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Submission_ThatIsTold_IsTakenByEverySiloWithAFreeSlot()
    {
        await using var run = new LocalRun(new MemoryStore());
        var looks = new LooksCounted(run.Store);
        await using var fleet = await TestFleet.StartAsync(looks, 3, loops: true, onlyWoken: true);
        await looks.UntilAsync(3);
        await run.SubmitAsync(spec => Epochs(spec, 20_000, chains: 3));

        await fleet.The<IGrainFactory>(0).GetGrain<IRunGrain>(Run).Poke();

        await UntilAsync(run, facts => Owners(facts).Distinct().Count() == 3);
    }

    [Fact]
    public async Task Successor_OfAStageThatAnotherSiloFinished_IsTakenByTheSiloThatWaits()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync(spec => Epochs(spec, 60));
        // It takes nothing but what it is offered here, and so takes no successor.
        await using var fleet = await TestFleet.StartAsync(run.Store, 1, loops: false);
        Assert.True(await fleet.OfferAsync(0, Run, First));
        await fleet.AddAsync(run.Store, loops: true, onlyWoken: true);

        await UntilAsync(run, facts => facts.RootOf(new StageId(0, 1)).Owner?.Silo == fleet.Address(1));

        Assert.Equal(1, (await run.FactsAsync()).RootOf(First).EpochToken);
    }

    [Fact]
    public async Task Stage_WhoseOwnerIsDead_IsTakenByASiloThatWaits()
    {
        await using var run = new LocalRun(new MemoryStore());
        await run.SubmitAsync(spec => Epochs(spec, 20_000));
        await using var fleet = await TestFleet.StartAsync(run.Store, 1, loops: false);
        Assert.True(await fleet.OfferAsync(0, Run, First));
        await fleet.AddAsync(run.Store, loops: true, onlyWoken: true);
        await fleet.AddAsync(run.Store, loops: true, onlyWoken: true);

        await fleet.BuryAsync(0, seenBy: 1);

        await UntilAsync(run, facts => facts.RootOf(First) is { EpochToken: 2, Owner: not null });
    }

    private static RunSpec Epochs(RunSpec spec, int epochs, int chains = 1) =>
        spec with
        {
            Recipe = spec.Recipe with
            {
                Stage = spec.Recipe.Stage with { Epochs = epochs },
                Chains = [.. Enumerable.Repeat(spec.Recipe.Chains[0], chains)],
            },
        };

    private static IEnumerable<string?> Owners(RunFacts facts) =>
        facts.Roots.Values.Select(root => root.Owner?.Silo).Where(silo => silo is not null);

    private static Task UntilAsync(LocalRun run, Func<RunFacts, bool> holds) => Until.HoldsAsync(async () => holds(await run.FactsAsync()));

    /// <summary>Each look begins with what the orders' bell last said.</summary>
    private sealed class LooksCounted(IObjectStore inner) : DelegatingStore(inner)
    {
        private int looks;

        public Task UntilAsync(int count) => Until.HoldsAsync(() => Volatile.Read(ref looks) >= count);

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            var done = await run();
            if (operation.Name == "cluster/orders")
            {
                Interlocked.Increment(ref looks);
            }

            return done;
        }
    }
}
