using System.Text.Json.Nodes;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tests.Checkpoints;

namespace Slowrun.Storage.Tests.Runs;

/// <summary>What this version does with documents of a newer one: it keeps members that it does not know, and spoils nothing that it cannot
/// read.</summary>
public sealed class NewerVersionTests
{
    private const string Run = "demo";
    private static readonly StageId Stage = Examples.Stage;

    private readonly MemoryStore store = new();
    private readonly RunDocuments documents;

    public NewerVersionTests() => documents = new RunDocuments(store, Run);

    private static RunSpec Spec => SpecReader.FromPreset("tiny") with { Name = Run };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Root_WhenItsOwnerCommitsOverANewerOnes_KeepsWhatItDoesNotKnow()
    {
        var name = RunPaths.Root(Run, Stage);
        await new RootCommit(documents.Root(Stage), TimeProvider.System).TakeAsync(Examples.Request("a"), Cancel);
        await EditAsync(
            name,
            root =>
            {
                root["quota"] = 7;
            }
        );

        var commit = new RootCommit(documents.Root(Stage), TimeProvider.System);
        await commit.TakeAsync(Examples.Request("b"), Cancel);
        await commit.CommitAsync(Examples.Ref(2, 2), new(), Cancel);

        var written = await ReadAsync(name);
        Assert.Equal(2, (int)written["epochToken"]!);
        Assert.Equal(7, (int)written["quota"]!);
    }

    [Fact]
    public async Task Orders_WhenChanged_KeepWhatTheyDoNotKnow()
    {
        var spec = Spec;
        await documents.TryCreateSpecAsync(spec, Cancel);
        await documents.ChangeIntentAsync(intent => intent, Cancel);
        await documents.ChangeOperationsAsync(spec.Operations, operations => operations, Cancel);
        await EditAsync(RunPaths.Intent(Run), intent => intent["until"] = "Friday");
        await EditAsync(RunPaths.Operations(Run), operations => operations["budget"] = 12);

        await documents.ChangeIntentAsync(intent => intent.With(DesiredState.Paused, null), Cancel);
        var run = (await documents.TryReadSpecAsync(Cancel))!;
        await documents.ChangeOperationsAsync(spec.Operations, _ => OperationsChange.Applied(run, ["priority=3"]), Cancel);

        Assert.Equal("Friday", (string?)(await ReadAsync(RunPaths.Intent(Run)))["until"]);
        Assert.Equal("Paused", (string?)(await ReadAsync(RunPaths.Intent(Run)))["run"]);
        Assert.Equal(12, (int)(await ReadAsync(RunPaths.Operations(Run)))["budget"]!);
        Assert.Equal(3, (await documents.TryReadSpecAsync(Cancel))!.Operations.Priority);
    }

    [Fact]
    public async Task Identity_WithAPartThatThisVersionDoesNotKnow_IsAnotherIdentity()
    {
        await new RootCommit(documents.Root(Stage), TimeProvider.System).TakeAsync(Examples.Request("a"), Cancel);
        await EditAsync(RunPaths.Root(Run, Stage), root => root["identity"]!["rounding"] = "stochastic");

        var e = await Assert.ThrowsAsync<StageIdentityException>(() =>
            new RootCommit(documents.Root(Stage), TimeProvider.System).TakeAsync(Examples.Request("b"), Cancel)
        );

        Assert.Contains("rounding stochastic then, none now", e.Message, StringComparison.Ordinal);
        Assert.Contains("newer version", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("version", "2")]
    [InlineData("releasedFor", "\"Sold\"")]
    public async Task Root_ThatThisVersionCannotRead_IsRefusedAndNeverRecovered(string member, string value)
    {
        await new ExampleTrainer(store, "first").RunAsync();
        var name = RunPaths.Root(Run, Stage);
        await EditAsync(name, root => root[member] = JsonNode.Parse(value));
        var before = await ReadAsync(name);

        var looked = await Assert.ThrowsAsync<InvalidDataException>(() =>
            new RootRecovery(store, Run, TimeProvider.System).LookAsync(Stage, Cancel)
        );
        Assert.True(NewerDocument.IsRefusal(looked));
        Assert.Contains($"'{name}' was written by a newer version", looked.Message, StringComparison.Ordinal);
        Assert.True(
            NewerDocument.IsRefusal(await Assert.ThrowsAsync<InvalidDataException>(() => documents.TryReadRootAsync(Stage, Cancel)))
        );
        Assert.True(JsonNode.DeepEquals(before, await ReadAsync(name)));
    }

    [Fact]
    public async Task Owner_WhenItsRootIsANewerVersions_StopsAndWritesNothingOverIt()
    {
        var commit = new RootCommit(documents.Root(Stage), TimeProvider.System);
        await commit.TakeAsync(Examples.Request("a"), Cancel);
        var name = RunPaths.Root(Run, Stage);
        await EditAsync(name, root => root["version"] = 2);
        var before = await ReadAsync(name);

        var e = await Assert.ThrowsAsync<FencedException>(() => commit.CommitAsync(Examples.Ref(2), new(), Cancel));

        Assert.Contains("newer version", e.Message, StringComparison.Ordinal);
        Assert.True(JsonNode.DeepEquals(before, await ReadAsync(name)));
    }

    [Fact]
    public async Task Documents_ThatThisVersionCannotRead_AreNeitherMendedNorDropped()
    {
        await documents.TryCreateSpecAsync(Spec, Cancel);
        await documents.ChangeIntentAsync(intent => intent.With(DesiredState.Paused, null), Cancel);
        await documents.ChangeJudgingAsync(
            failures => failures.Count("chain0/stage0", "a", new StageFailure("It broke.", "Mend it.", 0, DateTimeOffset.UnixEpoch), 3),
            Cancel
        );
        var score = new NewScore
        {
            SnapshotSha256 = "a",
            SetSha256 = "set",
            Rows = 16,
            NumericsFingerprint = "device",
            LossNats = 1.5,
            BitsPerByte = 2.1,
        };
        await new RunScores(store, Run).CreateAsync(score, new[] { 0.5f, 0.25f, 1f }, Cancel);
        var scored = (await store.ListAsync(RunPaths.Scores(Run), Cancel).Select(entry => entry.Name).ToListAsync(Cancel)).Single(name =>
            name.EndsWith(".json", StringComparison.Ordinal)
        );

        foreach (
            var (name, edit) in new (string, Action<JsonObject>)[]
            {
                (RunPaths.Intent(Run), intent => intent["run"] = "Hibernating"),
                (RunPaths.Judging(Run), judging => judging["of"]!["chain0/stage0"]!["tries"] = "many"),
                (scored, document => document["tokens"] = "three"),
            }
        )
        {
            await EditAsync(name, edit);
            var before = await ReadAsync(name);
            await Record.ExceptionAsync(() => documents.ChangeIntentAsync(intent => intent.With(DesiredState.Cancelled, null), Cancel));
            await Record.ExceptionAsync(() => store.MendCopiedAsync<RunIntent>(RunPaths.Intent(Run), Cancel));
            Assert.False(await new RunScores(store, Run).TryDropDamagedAsync(scored, Cancel));
            await Record.ExceptionAsync(async () =>
                await new RunRepair(store, TimeProvider.System).MendAsync(
                    (await new RunFactsReader(store).ReadAsync(Run, new HashSet<string>(), Cancel))!,
                    cancellationToken: Cancel
                )
            );
            Assert.True(JsonNode.DeepEquals(before, await ReadAsync(name)), name);
        }
    }

    [Fact]
    public async Task Spec_WithAMemberThatThisVersionDoesNotKnow_IsRefused()
    {
        await documents.TryCreateSpecAsync(Spec, Cancel);
        await EditAsync(RunPaths.Spec(Run), spec => spec["recipe"]!["stage"]!["foldedDepth"] = 0.1);

        var e = await Assert.ThrowsAsync<InvalidDataException>(() => documents.TryReadSpecAsync(Cancel));

        Assert.True(NewerDocument.IsRefusal(e), e.Message);
        Assert.Contains("foldedDepth", e.Message, StringComparison.Ordinal);
    }

    private async Task EditAsync(string name, Action<JsonObject> edit)
    {
        var document = await ReadAsync(name);
        edit(document);
        await store.WriteAsync(name, SealedJson.Serialize(name, document), Cancel);
    }

    private async Task<JsonObject> ReadAsync(string name) =>
        SealedJson.Deserialize<JsonObject>(name, (await store.TryReadAsync(name, Cancel))!.Content.Span);
}
