using System.Runtime.InteropServices;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Tokens;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Slots;
using Slowrun.Storage;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;

namespace Slowrun.Grains.Tests;

/// <summary>
/// What a stage trains from is changed under a living silo: the run ends with the same bytes, or is refused by the object's name, without a
/// failed take, and goes on by itself when the object is back.
/// </summary>
public sealed class InputDamageTests : IDisposable
{
    private const string Student = "student";

    private static readonly StageId First = new(0, 0);
    private static readonly StageId Second = new(0, 1);

    private readonly StoreFile files = new();

    public void Dispose() => files.Dispose();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("letters")]
    [InlineData("ids out of range")]
    [InlineData("cut short")]
    public async Task Run_WhenTokensAreChangedInPlaceBetweenItsStages_EndsWithTheSameBytes(string damage)
    {
        var expected = await CalmAsync();
        await using var run = new LocalRun(files.Store);
        await run.SubmitAsync();
        Assert.True(await run.StepAsync());
        Assert.True((await run.FactsAsync()).RootOf(First).Finished, await run.StoryAsync());

        Damage(DataPaths.Of((await ManifestAsync(run)).Train.Sha256), damage);

        Assert.Equal(expected, await HashesAsync(run));
        Assert.Equal(0, (await run.FactsAsync()).RootOf(Second).FailedTakes);
    }

    [Fact]
    public async Task Run_WhenTokensAreChangedInPlaceInTheMiddleOfAStage_EndsWithTheSameBytes()
    {
        var expected = await CalmAsync();
        await using var run = new LocalRun(files.Store);
        await run.SubmitAsync();
        var name = DataPaths.Of((await ManifestAsync(run)).Train.Sha256);
        Assert.True(
            await run.StepAsync(
                afterStep: (_, step) =>
                {
                    if (step == 1)
                    {
                        Damage(name, "letters");
                    }
                }
            )
        );

        Assert.Equal(expected, await HashesAsync(run));
    }

    [Theory]
    [InlineData("letters")]
    [InlineData("ids out of range")]
    [InlineData("cut short")]
    public async Task Take_WhenTokensAreDamagedInTheStore_IsRefusedByNameAndGoesOnOnceTheyAreBack(string damage)
    {
        var expected = await CalmAsync();
        await new LocalRun(files.Store).SubmitAsync();
        // A silo that has not read them yet.
        await using var run = new LocalRun(files.Store);
        var sha256 = (await ManifestAsync(run)).Train.Sha256;
        var name = DataPaths.Of(sha256);
        var good = files.Read(name);
        Damage(name, damage);

        await RefusedAsync(run, First, 3);

        Assert.Null(await run.Documents.TryReadRootAsync(First, Cancel));
        var told = (await run.StoryAsync()).Split('\n');
        Assert.Single(told);
        Assert.StartsWith("take-refused chain0/stage0", told[0], StringComparison.Ordinal);
        Assert.Contains($"'{name}' is damaged", told[0], StringComparison.Ordinal);
        Assert.Contains($"expected {sha256}", told[0], StringComparison.Ordinal);
        files.PutBack(name, good);
        Assert.Equal(expected, await HashesAsync(run));
    }

    [Fact]
    public async Task Take_OfDataWithIdsBeyondItsVocabulary_NamesItInsteadOfFailingTakes()
    {
        // Uploaded so: every hash is right.
        await using var run = new LocalRun(files.Store);
        await run.SubmitAsync();
        var manifest = await ManifestAsync(run);
        var ids = MemoryMarshal.Cast<byte, ushort>(files.Read(DataPaths.Of(manifest.Train.Sha256))).ToArray();
        ids[17] = 300;
        var wide = new ArrayTokenSet(
            ids,
            [.. Enumerable.Range(0, manifest.Train.Documents).Select(i => (long)i * 64)],
            [.. Enumerable.Repeat(1, 301)]
        );
        var upload = new DataUpload(files.Store);
        var bad = await new StoredTokenSets(files.Store).ReadManifestAsync(
            await upload.UploadAsync("made-up", wide, null, null, "a test", null, Cancel),
            Cancel
        );
        var narrow = manifest with { Train = bad.Train };
        var content = Core.CanonicalJson.Serialize(narrow);
        var sha256 = Core.CanonicalJson.Sha256(narrow);
        await files.Store.WriteAsync(DataPaths.Of(sha256), content, Cancel);
        await using var other = new LocalRun(files.Store, "bad");
        await other.SubmitAsync();
        await OfDataAsync(other, sha256);

        await RefusedAsync(other, First, 2);

        Assert.Null(await other.Documents.TryReadRootAsync(First, Cancel));
        Assert.Contains(
            $"'{DataPaths.Of(bad.Train.Sha256)}' is not valid data: token 17 has the id 300",
            await other.StoryAsync(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Take_OfDataOfAWiderVocabularyThanTheModels_NamesIt()
    {
        await using var run = new LocalRun(files.Store);
        await run.SubmitAsync();
        var set = new ArrayTokenSet([.. Enumerable.Repeat((ushort)300, 272)], [0], [.. Enumerable.Repeat(1, 301)]);
        var sha256 = await new DataUpload(files.Store).UploadAsync("made-up", set, null, set, "a test", null, Cancel);
        await OfDataAsync(run, sha256);

        await RefusedAsync(run, First, 2);

        Assert.Contains(
            $"'{DataPaths.Of(sha256)}' has a vocabulary of 301 ids, the model only 257",
            await run.StoryAsync(),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Run_WhenTheStageBeforeIsDamaged_IsRefusedByNameAndGoesOnOnceItIsBack(bool continues)
    {
        RunSpec Change(RunSpec spec) =>
            !continues
                ? spec
                : spec with
                {
                    Recipe = spec.Recipe with
                    {
                        Stage = spec.Recipe.Stage with { Distillation = null, Continuation = new ContinuationRecipe() },
                    },
                };
        var expected = await CalmAsync(Change);
        await using var run = new LocalRun(files.Store);
        await run.SubmitAsync(Change);
        Assert.True(await run.StepAsync());
        var before = (await run.FactsAsync()).RootOf(First);
        var name = continues
            ? before.Current!.Manifest.Replace("manifest.json", "part-0.safetensors", StringComparison.Ordinal)
            : before.Snapshot!.Name;
        var good = files.Read(name);
        files.Change(name, bytes => bytes[^1] ^= 1);

        // Taken once, and given back; then looked at before.
        var taken = await run.TakeAsync(Second);
        taken.Start();
        Assert.Equal(StopReason.Faulted, await taken.Completion);
        var given = (await run.FactsAsync()).RootOf(Second);
        await RefusedAsync(run, Second, 3);

        var root = (await run.FactsAsync()).RootOf(Second);
        Assert.Equal((given.EpochToken, 0, null, 0), (root.EpochToken, root.FailedTakes, root.Failure, root.DurableStep));
        Assert.Contains($"take-refused chain0/stage1", await run.StoryAsync(), StringComparison.Ordinal);
        Assert.Contains($"'{name}' is damaged", await run.StoryAsync(), StringComparison.Ordinal);
        files.PutBack(name, good);
        Assert.Equal(expected, await HashesAsync(run));
    }

    /// <summary>The members that teach stay on disk while the student trains.</summary>
    [Theory]
    [InlineData("flip")]
    [InlineData("cut short")]
    public async Task Run_WhenAMemberThatTeachesIsChangedInPlaceWhileItTrains_StopsBeforeItLearnsFromIt(string damage)
    {
        await using var teacher = new LocalRun(files.Store);
        await teacher.SubmitAsync();
        Assert.Equal(RunState.Succeeded, (await teacher.FinishAsync()).State);
        var facts = await teacher.FactsAsync();
        await new LocalRun(files.Store, Student).SubmitAsync(spec => DistilledRun.Of(spec, facts, ownData: false, baseline: false));
        await new LocalRun(files.Store, "calm").SubmitAsync(spec => DistilledRun.Of(spec, facts, ownData: false, baseline: false));
        var expected = await HashesAsync(new LocalRun(files.Store, "calm"));
        await using var run = new LocalRun(files.Store, Student);
        var name = RunPaths.Snapshot("micro", (await run.FactsAsync()).Spec.Recipe.Teacher!.Members[1].Sha256);
        var good = files.Read(name);

        // The runner's state is the state of its first step: nothing is read any more until the next.
        Assert.True(
            await run.StepAsync(
                afterStep: (_, step) =>
                {
                    if (step > 1)
                    {
                        return;
                    }

                    if (damage == "flip")
                    {
                        files.Change(name, bytes => Array.Fill(bytes, (byte)0x3c, bytes.Length / 2, bytes.Length / 2));
                    }
                    else
                    {
                        files.Truncate(name, good.Length / 2);
                    }
                }
            )
        );

        Assert.True(run.LastEnd == StopReason.Faulted, $"{run.LastEnd} {await run.StoryAsync()}");
        await RefusedAsync(run, First, 2);
        var root = (await run.FactsAsync()).RootOf(First);
        Assert.Equal((0, null, 1), (root.FailedTakes, root.Failure, root.EpochToken));
        var told = await run.StoryAsync();
        Assert.Contains("take-refused chain0/stage0", told, StringComparison.Ordinal);
        Assert.Contains(name, told, StringComparison.Ordinal);

        files.PutBack(name, good);
        Assert.Equal(expected, await HashesAsync(run));
    }

    private static async Task RefusedAsync(LocalRun run, StageId stage, int times)
    {
        for (var i = 0; i < times; i++)
        {
            var (runner, reason) = await run.OfferAsync(stage, new SlotOffer(LocalRun.Silo, ["cpu:0"]));
            Assert.Null(runner);
            Assert.NotNull(reason);
        }
    }

    private async Task OfDataAsync(LocalRun run, string sha256)
    {
        var spec = (await run.Documents.TryReadSpecAsync(Cancel))!;
        var name = RunPaths.Spec(spec.Name);
        spec = spec with { Recipe = spec.Recipe with { Data = spec.Recipe.Data with { Sha256 = sha256 } } };
        await files.Store.WriteAsync(name, SealedJson.Serialize(name, spec), Cancel);
    }

    private void Damage(string name, string damage)
    {
        if (damage == "cut short")
        {
            files.Truncate(name, 100);
            return;
        }

        files.Change(
            name,
            bytes =>
            {
                for (var i = 0; i < bytes.Length; i += 2)
                {
                    // Another letter, of which there is nothing to see; or no id at all.
                    (bytes[i], bytes[i + 1]) = damage == "letters" ? ((byte)(bytes[i] ^ 1), (byte)0) : ((byte)0xff, (byte)0xff);
                }
            }
        );
    }

    private static async Task<DataManifest> ManifestAsync(LocalRun run) =>
        await new StoredTokenSets(run.Store).ReadManifestAsync((await run.Documents.TryReadSpecAsync(Cancel))!.Recipe.Data.Sha256!, Cancel);

    private static async Task<string?[]> CalmAsync(Func<RunSpec, RunSpec>? change = null)
    {
        await using var calm = new LocalRun(new MemoryStore());
        await calm.SubmitAsync(change);
        return await HashesAsync(calm);
    }

    private static async Task<string?[]> HashesAsync(LocalRun run)
    {
        var status = await run.FinishAsync();
        Assert.True(status.State == RunState.Succeeded, await run.StoryAsync());
        return [.. status.Stages.Select(stage => stage.SnapshotSha256)];
    }
}
