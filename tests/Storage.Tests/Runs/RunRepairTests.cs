using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Core.Tokens;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Storage.Tests.Runs;

/// <summary>Damaged documents of a run: what is read all the same, and what is mended without a person.</summary>
public sealed class RunRepairTests
{
    private const string Run = "micro";

    private readonly MemoryStore store = new();
    private readonly RunDocuments documents;

    public RunRepairTests() => documents = new RunDocuments(store, Run);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Copied()
    {
        var data = new TheoryData<string, string>();
        foreach (var document in new[] { "spec", "intent", "operations" })
        {
            foreach (var how in new[] { "flip", "truncate", "empty", "delete", "other" })
            {
                data.Add(document, how);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Copied))]
    public async Task Mend_WhenADocumentIsDamaged_WritesItAgainFromItsCopy(string document, string how)
    {
        await HaveAsync();
        var name = $"runs/{Run}/{document}";
        var good = (await store.TryReadAsync(name, Cancel))!.Content;
        await DamageAsync(name, how);

        var facts = await FactsAsync();
        Assert.Equal((5, DesiredState.Cancelled), (facts.Spec.Operations.Priority, facts.Intent.Run));
        var damage = Assert.Single(facts.Damage);
        Assert.True(damage.FromCopy && damage.Name == name, damage.ToString());

        Assert.Contains(
            name,
            Assert.Single(await new RunRepair(store, TimeProvider.System).MendAsync(facts, cancellationToken: Cancel)),
            StringComparison.Ordinal
        );
        Assert.Equal(good.ToArray(), (await store.TryReadAsync(name, Cancel))!.Content.ToArray());
        Assert.Empty((await FactsAsync()).Damage);
        Assert.Single(await KindsAsync(), "document-mended");
    }

    [Theory]
    [MemberData(nameof(Copied))]
    public async Task Read_WhenOnlyTheCopyIsDamaged_IsAsIfNothingWas(string document, string how)
    {
        await HaveAsync();
        await DamageAsync($"runs/{Run}/{document}.copy", how);

        var facts = await FactsAsync();

        Assert.Empty(facts.Damage);
        Assert.Equal((5, DesiredState.Cancelled), (facts.Spec.Operations.Priority, facts.Intent.Run));
    }

    [Fact]
    public async Task Read_WhenTheOrderIsLostWithItsCopy_HoldsTheRunUntilThereIsANewOne()
    {
        await HaveAsync();
        await DamageAsync($"runs/{Run}/intent", "flip");
        await DamageAsync($"runs/{Run}/intent.copy", "flip");

        var facts = await FactsAsync();
        Assert.Equal(DesiredState.Paused, facts.Intent.Run);
        Assert.NotNull(facts.LostIntent);
        Assert.Empty(Readiness.ToTrain(facts));
        Assert.Empty(await new RunRepair(store, TimeProvider.System).MendAsync(facts, cancellationToken: Cancel));

        await documents.ChangeIntentAsync(intent => intent.With(DesiredState.Running, null), Cancel);
        Assert.Equal((0, DesiredState.Running), ((await FactsAsync()).Damage.Count, (await FactsAsync()).Intent.Run));
        Assert.Single(await KindsAsync(), "document-replaced");
    }

    [Fact]
    public async Task Read_WhenOperationsAreLostWithTheirCopy_HasTheSpecsOwn()
    {
        await HaveAsync();
        await DamageAsync($"runs/{Run}/operations", "flip");
        await DamageAsync($"runs/{Run}/operations.copy", "delete");

        var facts = await FactsAsync();

        Assert.Equal(0, facts.Spec.Operations.Priority);
        Assert.Contains("slowrun set", Assert.Single(facts.Damage).Advice, StringComparison.Ordinal);
        Assert.NotNull(await documents.TryReadDatedSpecAsync(Cancel));
    }

    [Fact]
    public async Task Change_WhenItsWriterDiesBetweenCopyAndDocument_LeavesTheDocumentInForce()
    {
        await HaveAsync();
        var dies = new DyingStore(store, $"runs/{Run}/intent");

        await Assert.ThrowsAsync<IOException>(() =>
            new RunDocuments(dies, Run).ChangeIntentAsync(intent => intent.With(DesiredState.Running, null), Cancel)
        );

        Assert.Equal(DesiredState.Cancelled, (await FactsAsync()).Intent.Run);
        Assert.Empty((await FactsAsync()).Damage);
    }

    [Fact]
    public async Task Copy_OfARunOfAnOlderStore_MakesUpWhatIsMissing()
    {
        await HaveAsync();
        foreach (var document in new[] { "spec", "intent", "operations" })
        {
            await DamageAsync($"runs/{Run}/{document}.copy", "delete");
        }

        await new RunRepair(store, TimeProvider.System).CopyAsync(Run, Cancel);

        foreach (var document in new[] { "spec", "intent", "operations" })
        {
            Assert.NotNull(await store.TryReadAsync($"runs/{Run}/{document}.copy", Cancel));
        }
    }

    [Theory]
    [InlineData("scores")]
    [InlineData("ensembles")]
    public async Task Mend_WhenAScoreIsDamaged_DeletesItAndLeavesTheOthers(string folder)
    {
        await HaveAsync();
        var names = await store
            .ListAsync($"runs/{Run}/{folder}/", Cancel)
            .Select(entry => entry.Name)
            .Where(name => name.EndsWith(".json", StringComparison.Ordinal))
            .ToArrayAsync(Cancel);
        await DamageAsync(names[0], "truncate");

        var facts = await FactsAsync();
        Assert.Equal(names[0], Assert.Single(facts.Damage).Name);
        Assert.Equal(3, facts.Scores.Count + facts.Ensembles.Count);

        Assert.Single(await new RunRepair(store, TimeProvider.System).MendAsync(facts, cancellationToken: Cancel));
        Assert.Null(await store.TryReadAsync(names[0], Cancel));
        Assert.NotNull(await store.TryReadAsync(names[1], Cancel));
    }

    [Fact]
    public async Task Mend_WhenSomebodyMadeTheScoreAnewMeanwhile_LeavesThat()
    {
        await HaveAsync();
        var name = await store
            .ListAsync($"runs/{Run}/scores/", Cancel)
            .Select(entry => entry.Name)
            .FirstAsync(one => one.EndsWith(".json", StringComparison.Ordinal), Cancel);
        var good = (await store.TryReadAsync(name, Cancel))!.Content;
        await DamageAsync(name, "truncate");
        var facts = await FactsAsync();
        await store.WriteAsync(name, good, Cancel);

        Assert.Empty(await new RunRepair(store, TimeProvider.System).MendAsync(facts, cancellationToken: Cancel));
        Assert.NotNull(await store.TryReadAsync(name, Cancel));
    }

    [Fact]
    public async Task Read_WhenARootIsDamaged_TellsOfItAndReadsTheOthers()
    {
        await HaveAsync();
        await DamageAsync($"runs/{Run}/chain0/stage1/root", "truncate");

        var facts = await FactsAsync();

        Assert.NotNull(facts.DamageOf(new StageId(0, 1)));
        Assert.True(facts.RootOf(new StageId(0, 0)).Finished);
        Assert.Equal(2, facts.Scores.Count);
    }

    [Fact]
    public async Task Read_WhenTheDataManifestIsDamaged_StillHasTheScores()
    {
        await HaveAsync();
        await DamageAsync(DataPaths.Of((await FactsAsync()).Spec.Recipe.Data.Sha256!), "flip");

        var facts = await FactsAsync();

        Assert.Equal(2, facts.Scores.Count);
        Assert.Equal(DocumentKind.Data, Assert.Single(facts.Damage).What);
    }

    private async Task<RunFacts> FactsAsync() => (await new RunFactsReader(store).ReadAsync(Run, new HashSet<string>(), Cancel))!;

    /// <summary>A cancelled run whose first stage has finished and is scored.</summary>
    private async Task HaveAsync()
    {
        var tokens = new ArrayTokenSet([256, 1, 2, 3], [0], [.. Enumerable.Repeat(1, 256), 0]);
        var sha256 = await new DataUpload(store).UploadAsync("bytes", tokens, null, tokens, "nothing", null, Cancel);
        var manifest = await new StoredTokenSets(store).ReadManifestAsync(sha256, Cancel);
        var spec = SpecReader.FromPreset("micro");
        await documents.TryCreateSpecAsync(
            spec with
            {
                Recipe = spec.Recipe with { Data = spec.Recipe.Data with { Sha256 = sha256 } },
            },
            Cancel
        );
        await documents.ChangeIntentAsync(intent => intent.With(DesiredState.Cancelled, null), Cancel);
        await documents.ChangeOperationsAsync(new Operations(), operations => operations with { Priority = 5 }, Cancel);
        foreach (var stage in new StageId[] { new(0, 0), new(0, 1) })
        {
            var name = RunPaths.Root(Run, stage);
            var root = new StageRoot
            {
                EpochToken = 1,
                Steps = 8,
                Snapshot = stage.Stage == 0 ? new SnapshotRef("s", "s", 8, DateTimeOffset.UnixEpoch) : null,
            };
            await store.WriteAsync(name, SealedJson.Serialize(name, root), Cancel);
        }

        var scores = new RunScores(store, Run);
        foreach (var fingerprint in new[] { "a", "b" })
        {
            await scores.CreateAsync(
                new NewScore
                {
                    SnapshotSha256 = "s",
                    SetSha256 = manifest.Validation!.Sha256,
                    Rows = 16,
                    NumericsFingerprint = fingerprint,
                    LossNats = 1.5,
                    BitsPerByte = 2.1,
                },
                new[] { 0.5f, 0.25f, 1f },
                Cancel
            );
        }

        await scores.TryCreateEnsembleAsync(
            new EnsembleScore
            {
                Members = ["s"],
                Running = [1.5],
                LossNats = 1.5,
                BitsPerByte = 2,
            },
            Cancel
        );
        await scores.TryCreateEnsembleAsync(
            new EnsembleScore
            {
                Members = ["t"],
                Running = [1.5],
                LossNats = 1.5,
                BitsPerByte = 2,
            },
            Cancel
        );
    }

    private async Task DamageAsync(string name, string how)
    {
        var good = (await store.TryReadAsync(name, Cancel))!.Content.ToArray();
        if (how == "delete")
        {
            await store.TryDeleteAsync(name, cancellationToken: Cancel);
            return;
        }

        var bad = good.ToArray();
        bad[bad.Length / 2] ^= 1;
        await store.WriteAsync(
            name,
            how switch
            {
                "flip" => bad,
                "truncate" => good.AsMemory(..^1),
                "other" => (await store.TryReadAsync($"runs/{Run}/chain0/stage0/root", Cancel))!.Content,
                _ => ReadOnlyMemory<byte>.Empty,
            },
            Cancel
        );
    }

    /// <summary>Vanishes before the first write of one object.</summary>
    private sealed class DyingStore(IObjectStore inner, string name) : DelegatingStore(inner)
    {
        protected override Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run) =>
            operation.Kind is "create" or "replace" && operation.Name == name ? throw new IOException("It died.") : run();
    }

    private async Task<IReadOnlyList<string>> KindsAsync() =>
        await new RunEvents(store, Run).ListAsync(cancellationToken: Cancel).Select(happened => happened.Kind).ToListAsync(Cancel);
}
