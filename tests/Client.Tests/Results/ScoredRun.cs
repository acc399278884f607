using System.Runtime.InteropServices;
using Slowrun.Core.Mixtures;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Core.Tokens;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Tests.Results;

/// <summary>A run of two chains of two stages whose members are finished and scored, with weights and probabilities of no
/// meaning.</summary>
internal sealed class ScoredRun
{
    public const string Name = "scored";

    private const int ValidationTokens = 1_500;
    private const int FitnessTokens = 700;

    private readonly CommandLine cli;

    private ScoredRun(CommandLine cli, RunSpec spec) => (this.cli, Spec) = (cli, spec);

    public RunSpec Spec { get; }

    public RunPlan Plan => new(Spec.Recipe);

    /// <summary>p(target) on the validation set, by stage.</summary>
    public Dictionary<string, float[]> Validation { get; } = [];

    public Dictionary<string, float[]> Fitness { get; } = [];

    public static ArrayTokenSet Tokens(int count, int seed)
    {
        var random = new Random(seed);
        return new ArrayTokenSet(
            [256, .. Enumerable.Range(1, count - 1).Select(_ => (ushort)random.Next(256))],
            [0],
            [.. Enumerable.Repeat(1, 256), 0]
        );
    }

    /// <param name="set">As <c>--set</c>.</param>
    public static Task<ScoredRun> CreateAsync(CommandLine cli, params string[] set) =>
        OfChainsAsync(cli, [new ChainRecipe { Stages = 2 }, new ChainRecipe { Stages = 2 }], set);

    /// <param name="chains">Instead of the two.</param>
    /// <param name="set">As <c>--set</c>.</param>
    public static async Task<ScoredRun> OfChainsAsync(CommandLine cli, IReadOnlyList<ChainRecipe> chains, params string[] set)
    {
        var store = await cli.StoreAsync();
        var spec = SpecReader.FromPreset("micro", new SpecOverrides { Name = Name, Set = ["data.fitnessTokens=700", .. set] });
        var data = await new DataUpload(store).UploadAsync(
            "bytes",
            Tokens(300, 1),
            Tokens(FitnessTokens, 2),
            Tokens(ValidationTokens, 3),
            "nothing",
            null,
            CommandLine.Stop
        );
        spec = spec with { Recipe = spec.Recipe with { Data = spec.Recipe.Data with { Sha256 = data }, Chains = chains } };
        Assert.True(await new RunDocuments(store, Name).TryCreateSpecAsync(spec, CommandLine.Stop));
        return new ScoredRun(cli, spec);
    }

    /// <summary>Finishes and scores all stages.</summary>
    public async Task FinishAllAsync(params string[] but)
    {
        foreach (var stage in Plan.Stages.Select(stage => stage.Id.ToString()).Except(but))
        {
            await FinishAsync(stage);
            await ScoreAsync(stage);
        }
    }

    public async Task<SnapshotRef> FinishAsync(string stage, params TensorData[] weights)
    {
        float[] values = [1.003f * Seed(stage), 2];
        weights =
            weights.Length > 0
                ? weights
                : [new TensorData("wte.weight", ElementType.F32, [2], MemoryMarshal.AsBytes(values.AsSpan()).ToArray())];
        var snapshot = await new SnapshotStore(await cli.StoreAsync(), Name, cli.Time).CreateAsync(weights, CommandLine.Stop);
        await cli.HaveRootAsync(Name, stage, CommandLine.Begun(8) with { Snapshot = snapshot });
        return snapshot;
    }

    public async Task ScoreAsync(string stage)
    {
        var manifest = await new StoredTokenSets(await cli.StoreAsync()).ReadManifestAsync(Spec.Recipe.Data.Sha256!, CommandLine.Stop);
        Validation[stage] = await ScoreAsync(stage, manifest.Validation!, Tokens(ValidationTokens, 3));
        if (Spec.Recipe.Ensemble.Selection is not null)
        {
            Fitness[stage] = await ScoreAsync(stage, manifest.Fitness!, Tokens(FitnessTokens, 2));
        }
    }

    /// <summary>What a silo would store of the members scored so far.</summary>
    public async Task StoreEnsembleAsync(Func<IReadOnlyList<string>, EnsembleScore> of)
    {
        var facts = await new RunFactsReader(await cli.StoreAsync()).ReadAsync(Name, new HashSet<string>(), CommandLine.Stop);
        var members = facts!.ScoredMembers.Select(id => facts.RootOf(id).Snapshot!.Sha256).ToList();
        await new RunScores(await cli.StoreAsync(), Name).TryCreateEnsembleAsync(of(members), CommandLine.Stop);
    }

    private async Task<float[]> ScoreAsync(string stage, StoredTokens set, ArrayTokenSet tokens)
    {
        var store = await cli.StoreAsync();
        Assert.True(StageId.TryParse(stage, out var id));
        var root = await new RunDocuments(store, Name).TryReadRootAsync(id, CommandLine.Stop);
        var random = new Random(Seed(stage));
        float[] p = [.. Enumerable.Range(0, (int)tokens.Length - 1).Select(_ => MathF.Pow(random.NextSingle(), 3))];
        var alone = Mixture.Of([p]);
        var score = new NewScore
        {
            SnapshotSha256 = root!.Snapshot!.Sha256,
            SetSha256 = set.Sha256,
            Rows = 8,
            NumericsFingerprint = "f",
            LossNats = alone.LossNats(),
            BitsPerByte = alone.BitsPerByte(TargetBytes.Of(tokens)),
        };
        await new RunScores(store, Name).CreateAsync(score, p, CommandLine.Stop);
        return p;
    }

    private static int Seed(string stage) => stage.Sum(c => c) + stage[5];
}
