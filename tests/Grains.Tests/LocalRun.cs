using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Core.Tokens;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Members;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Grains.Tests;

/// <summary>
/// Carries a run out in this process without Orleans: the slot loop's decisions and the very take, train, commit, score and mix code of a
/// silo, one piece of work at a time. Disposed, it stops what still trains: a trainer that outlives its test would end with the process,
/// inside libtorch.
/// </summary>
/// <param name="time">The clock of everything that is done here; null: this machine's.</param>
internal sealed class LocalRun(IObjectStore store, string name = "micro", TimeProvider? time = null) : IAsyncDisposable
{
    public const string Silo = "127.0.0.1:1@1";

    private readonly TimeProvider time = time ?? TimeProvider.System;
    private readonly TokenSets tokens = new(store);
    private readonly Fingerprints fingerprints = new();
    private readonly ConcurrentBag<StageRunner> runners = [];
    private readonly RunRepair mending = new(store, time ?? TimeProvider.System);
    private bool copied;
    private ReadySince sights = new(TimeProvider.System);
    private StageTaker? taker;

    public IObjectStore Store => store;

    public RunDocuments Documents { get; } = new(store, name);

    /// <summary>What this machine is seen to have.</summary>
    public SlotSensors Sensors { get; init; } = new();

    /// <summary>Which owners are alive; by default none.</summary>
    public ILivingOwners Living { get; init; } = new NobodyLives();

    public MemberScoring Scoring => new(store, tokens, fingerprints, time, NullLogger<MemberScoring>.Instance);

    public EnsembleScoring Averaging => new(store, new RunFactsReader(store), tokens, time, NullLogger<EnsembleScoring>.Instance);

    /// <summary>How the last training ended.</summary>
    public StopReason? LastEnd { get; private set; }

    /// <summary>What happened to the run, for a test's message.</summary>
    public async Task<string> StoryAsync()
    {
        var lines = new List<string>();
        await foreach (var happened in new RunEvents(store, name).ListAsync(cancellationToken: TestContext.Current.CancellationToken))
        {
            lines.Add($"{happened.Kind} {happened.Stage}: {happened.Message}");
        }

        return string.Join('\n', lines);
    }

    /// <summary>Uploads made-up text and creates the run; does nothing where it exists.</summary>
    public async Task SubmitAsync(Func<RunSpec, RunSpec>? change = null)
    {
        var spec = SpecReader.FromPreset("micro") with { Name = name };
        spec = change?.Invoke(spec) ?? spec;
        var data = spec.Recipe.Data;
        var sha = await new DataUpload(store).UploadAsync(
            "bytes",
            Text(data.TrainTokens, 1),
            data.FitnessTokens > 0 ? Text(data.FitnessTokens, 3) : null,
            Text(data.ValidationTokens, 2),
            "made up by a test",
            null,
            TestContext.Current.CancellationToken
        );
        await Documents.TryCreateSpecAsync(spec with { Recipe = spec.Recipe with { Data = data with { Sha256 = sha } } });
    }

    public async Task<RunFacts> FactsAsync(params string[] alive) =>
        await new RunFactsReader(store).ReadAsync(name, alive.ToHashSet(), TestContext.Current.CancellationToken)
        ?? throw new InvalidOperationException("No such run.");

    /// <summary>Does one piece of ready work to its end.</summary>
    /// <param name="meanwhile">What is done to a trainer that has begun.</param>
    /// <param name="afterStep">What is done to it after each step, by its own thread: not a step too late. Is told which step.</param>
    /// <returns>False where nothing was ready.</returns>
    public async Task<bool> StepAsync(Action<StageRunner>? meanwhile = null, Action<StageRunner, int>? afterStep = null)
    {
        if (!copied)
        {
            await mending.CopyAsync(name, TestContext.Current.CancellationToken);
            copied = true;
        }

        var facts = await FactsAsync();
        if ((await mending.MendAsync(facts, cancellationToken: TestContext.Current.CancellationToken)).Count > 0)
        {
            facts = await FactsAsync();
        }

        if (WorkOrder.Of([facts]) is not [var work, ..])
        {
            return false;
        }

        switch (work.Kind)
        {
            case WorkKind.Score:
                await ScoreAsync(work.Stage!.Value);
                break;
            case WorkKind.Average:
                await Averaging.ScoreAsync(name, ["cpu:0"], TestContext.Current.CancellationToken);
                break;
            default:
                var runner = await TakeAsync(work.Stage!.Value);
                Start(runner, afterStep);
                meanwhile?.Invoke(runner);
                LastEnd = await runner.Completion;
                break;
        }

        return true;
    }

    /// <param name="afterStep">What is done to it after each step, by its own thread. Is told which step.</param>
    public static void Start(StageRunner runner, Action<StageRunner, int>? afterStep)
    {
        var before = CrashPoint.Watcher.Value;
        if (afterStep is not null)
        {
            CrashPoint.Watcher.Value = point =>
            {
                before?.Invoke(point);
                if (point == CrashPoint.Step)
                {
                    // What it tells of itself is still of the step before.
                    afterStep(runner, runner.Progress.Step + 1);
                }
            };
        }

        runner.Start();
        CrashPoint.Watcher.Value = before;
    }

    private async Task ScoreAsync(StageId member)
    {
        try
        {
            await Scoring.ScoreAsync(name, member, ["cpu:0"], TestContext.Current.CancellationToken);
        }
        catch (UnjudgeableException e)
        {
            await new ScoringTrouble(store, new RunFactsReader(store), time).TellAsync(name, member, e);
        }
    }

    /// <summary>As if this silo had seen an hour ago what can be taken now.</summary>
    public async Task HaveSeenAsync()
    {
        sights = new ReadySince(new FakeTimeProvider(TimeProvider.System.GetUtcNow().AddHours(-1)));
        sights.Look(await FactsAsync());
        taker = null;
    }

    public async Task<StageRunner> TakeAsync(StageId stage, IObjectStore? through = null)
    {
        var (runner, reason) = await OfferAsync(stage, new SlotOffer(Silo, ["cpu:0"]), through);
        return runner ?? throw new InvalidOperationException(reason);
    }

    public async Task<(StageRunner? Runner, string? Reason)> OfferAsync(StageId stage, SlotOffer offer, IObjectStore? through = null)
    {
        var taken = await (through is null ? taker ??= Taker(store) : Taker(through)).TakeAsync(
            name,
            stage,
            new RunDocuments(through ?? store, name).Root(stage),
            offer,
            "test",
            TestContext.Current.CancellationToken
        );
        if (taken.Runner is { } runner)
        {
            runners.Add(runner);
        }

        return taken;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var runner in runners.Where(runner => runner.IsStarted))
        {
            // Nothing more is written: the store may be one that answers no more.
            runner.Stop(StopReason.Fenced);
            await runner.Completion;
        }
    }

    /// <summary>Works until nothing is ready any more.</summary>
    public async Task<RunStatus> FinishAsync()
    {
        while (await StepAsync()) { }

        return StatusBuilder.Build(await FactsAsync(), StatusSource.Store, time.GetUtcNow());
    }

    private StageTaker Taker(IObjectStore through) => ReferenceEquals(through, store) ? taker ??= NewTaker(through) : NewTaker(through);

    private StageTaker NewTaker(IObjectStore through)
    {
        var inputs = new StageInputsLoader(through, tokens, time);
        var refusals = new TakeRefusals(through, time);
        return new StageTaker(
            through,
            Living,
            new TakePreparation(through, tokens, inputs, fingerprints, Sensors, refusals),
            inputs,
            sights,
            refusals,
            time,
            NullLoggerFactory.Instance
        );
    }

    private static ArrayTokenSet Text(long length, int seed)
    {
        var random = new Random(seed);
        var ids = new ushort[length];
        for (var i = 0; i < length; i++)
        {
            // Words of a few letters, so that there is something to learn.
            ids[i] = (ushort)(
                i % 64 == 0 ? 256
                : i % 5 == 4 ? ' '
                : 'a' + random.Next(6)
            );
        }

        return new ArrayTokenSet(
            ids,
            [.. Enumerable.Range(0, (int)((length + 63) / 64)).Select(i => (long)i * 64)],
            [.. Enumerable.Repeat(1, 256), 0]
        );
    }

    private sealed class NobodyLives : ILivingOwners
    {
        public long? MembershipVersion => null;

        public ValueTask<bool> IsAliveAsync(StageOwner owner, CancellationToken cancellationToken) => ValueTask.FromResult(false);
    }
}
