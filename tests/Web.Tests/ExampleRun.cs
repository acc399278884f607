using System.Runtime.InteropServices;
using Slowrun.Core.Explain;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Core.Tokens;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Web.Tests;

/// <summary>A run in a store, brought into a state by writing the documents that silos would have written.</summary>
internal sealed class ExampleRun
{
    private static readonly StageIdentity Identity = new()
    {
        RecipeSha256 = new string('1', 64),
        DataSha256 = new string('2', 64),
        EngineRevision = 3,
        NumericsFingerprint = "0123456789abcdef0123456789abcdef",
    };

    private readonly IObjectStore store;
    private readonly RunFacts facts;
    private readonly string validation;
    private readonly DateTimeOffset begun;
    private readonly CancellationToken stop;

    private ExampleRun(IObjectStore store, RunSpec spec, string validation, DateTimeOffset begun, CancellationToken stop) =>
        (this.store, facts, this.validation, this.begun, this.stop) = (store, new RunFacts(spec), validation, begun, stop);

    public string Name => facts.Spec.Name;

    /// <summary>Those that the ensemble averages.</summary>
    public IEnumerable<StageId> Members => facts.Plan.Stages.Where(stage => stage.Role == ChainRole.Members).Select(stage => stage.Id);

    public IReadOnlyList<StageId> Stages => [.. facts.Plan.Stages.Select(stage => stage.Id)];

    public static async Task<ExampleRun> CreateAsync(
        IObjectStore store,
        string name,
        string chains,
        DateTimeOffset begun,
        CancellationToken stop
    )
    {
        var tokens = new ArrayTokenSet([256, 1, 2, 3], [0], [.. Enumerable.Repeat(1, 256), 0]);
        var sha256 = await new DataUpload(store).UploadAsync("bytes", tokens, null, tokens, "nothing", null, stop);
        var manifest = await new StoredTokenSets(store).ReadManifestAsync(sha256, stop);
        var spec = SpecReader.FromPreset("tiny", new SpecOverrides { Name = name, Set = [$"chains={chains}"] });
        spec = spec with { Recipe = spec.Recipe with { Data = spec.Recipe.Data with { Sha256 = sha256 } } };
        Assert.True(await new RunDocuments(store, name).TryCreateSpecAsync(spec, stop));
        return new ExampleRun(store, spec, manifest.Validation!.Sha256, begun, stop);
    }

    /// <summary>A run that is there.</summary>
    public static async Task<ExampleRun> OpenAsync(IObjectStore store, string name, CancellationToken stop)
    {
        var spec = (await new RunDocuments(store, name).TryReadSpecAsync(stop))!;
        var manifest = await new StoredTokenSets(store).ReadManifestAsync(spec.Recipe.Data.Sha256!, stop);
        return new ExampleRun(store, spec, manifest.Validation!.Sha256, TimeProvider.System.GetUtcNow(), stop);
    }

    /// <summary>Taken, trained to a step, and all of it durable.</summary>
    public async Task<StageRoot> HaveAsync(string stage, int step, int steps, Func<StageRoot, StageRoot> change, float[]? curve = null)
    {
        var id = Id(stage);
        curve ??= Curve(id, step);
        var bytes = MemoryMarshal.AsBytes([.. curve.Concat(new float[steps - step])]).ToArray();
        var checkpoint = await new CheckpointWriter(store, TimeProvider.System).WriteAsync(
            Name,
            id,
            1,
            step,
            Identity,
            [new TensorData(StateTensors.Losses, ElementType.F32, [steps], bytes)],
            stop
        );
        var root = change(
            new StageRoot
            {
                EpochToken = 1,
                Steps = steps,
                Identity = Identity with { TeacherSha256 = id.Before is { } before ? Sha256(before) : null },
                Current = checkpoint with { At = begun.AddSeconds(40) },
                Ledger = new StageLedger
                {
                    TrainingSeconds = 30,
                    RestoreSeconds = 2,
                    StallSeconds = 0.5,
                    SlotSeconds = 1,
                    Checkpoints = 4,
                    Until = begun.AddSeconds(40),
                },
                WrittenAt = begun.AddSeconds(40),
            }
        );
        await store.WriteAsync(RunPaths.Root(Name, id), SealedJson.Serialize(RunPaths.Root(Name, id), root), stop);
        return root;
    }

    public Task HaveFailedAsync(string stage) =>
        HaveAsync(stage, 100, 192, root => root with { Failure = new StageFailure("It broke.", "", 0, begun.AddSeconds(40)) });

    public async Task HaveFinishedAsync(string stage, double loss, int steps = 192, float[]? curve = null)
    {
        var id = Id(stage);
        await HaveAsync(
            stage,
            steps,
            steps,
            root => root with { Snapshot = new SnapshotRef(RunPaths.Snapshot(Name, Sha256(id)), Sha256(id), 1000, begun.AddSeconds(40)) },
            curve
        );
        await new RunScores(store, Name).CreateAsync(
            new NewScore
            {
                SnapshotSha256 = Sha256(id),
                SetSha256 = validation,
                Rows = 8,
                NumericsFingerprint = Identity.NumericsFingerprint,
                LossNats = loss,
                BitsPerByte = loss / Math.Log(2),
            },
            new float[] { 0.5f },
            stop
        );
    }

    public Task HaveEnsembleAsync(double[] running, params string[] stages) =>
        new RunScores(store, Name).TryCreateEnsembleAsync(
            new EnsembleScore
            {
                Members = [.. stages.Select(stage => Sha256(Id(stage)))],
                Running = running,
                LossNats = running[^1],
                BitsPerByte = running[^1] / Math.Log(2),
            },
            stop
        );

    public Task ProgressAsync(string stage, int step, int steps, double loss) =>
        new RunDocuments(store, Name).WriteProgressAsync(
            Id(stage),
            new StageProgress
            {
                Stage = stage,
                EpochToken = 1,
                Activity = StageActivity.Training,
                Step = step,
                Steps = steps,
                TrainLossNats = loss,
                TokensPerSecond = 24_996,
                At = DateTimeOffset.UnixEpoch,
            },
            stop
        );

    public Task EventAsync(int second, string kind, string? stage, string silo, string message, EventCost? cost = null) =>
        new RunEvents(store, Name).AppendAsync(
            new RunEvent(begun.AddSeconds(second), kind, stage, message) { Silo = silo, Cost = cost },
            stop
        );

    public static StageId Id(string stage) => StageId.TryParse(stage, out var id) ? id : throw new ArgumentException(stage);

    /// <summary>A loss that falls as losses do, with one step that jumps.</summary>
    public static float[] Curve(StageId id, int steps)
    {
        var random = new Random((id.Chain * 100) + id.Stage);
        return
        [
            .. Enumerable
                .Range(0, steps)
                .Select(i =>
                    (float)(
                        1.7
                        + (3.8 * Math.Exp(-6.0 * i / steps))
                        + (random.NextDouble() * 0.15)
                        - (0.05 * id.Stage)
                        + (i == steps / 2 ? 1.5 : 0)
                    )
                ),
        ];
    }

    private static string Sha256(StageId id) => Core.CanonicalJson.Sha256(id.ToString());
}
