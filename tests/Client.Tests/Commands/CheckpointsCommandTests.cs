using System.Text.Json;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Tests.Commands;

public sealed class CheckpointsCommandTests
{
    private const string Stage = "chain0/stage0";
    private const string Folder = "runs/micro/chain0/stage0/";

    private readonly CommandLine cli = new();

    [Fact]
    public async Task List_ShowsWhatAStageCanGoOnFrom()
    {
        await cli.HaveRunAsync();
        await cli.HaveRootAsync("micro", Stage, CommandLine.Begun(3) with { Previous = CommandLine.Begun(2).Current });

        Assert.Equal(0, await cli.RunAsync("checkpoints", "list", "micro"));
        Assert.Matches(@"chain0/stage0 +current +3 +1 +2.5 MB +30 s", cli.Output);
        Assert.Matches(@"chain0/stage0 +previous +2 ", cli.Output);

        Assert.Equal(0, await cli.RunAsync("checkpoints", "list", "micro/chain0/stage1", "-o", "json"));
        Assert.Equal(0, cli.Json().GetArrayLength());
    }

    [Fact]
    public async Task Verify_OfWholeCheckpoints_SaysSoForEach()
    {
        await HaveCheckpointsAsync(finished: true);

        Assert.Equal(0, await cli.RunAsync("checkpoints", "verify", "micro"));

        var lines = cli.Output.Split('\n').Select(line => line.TrimEnd()).ToList();
        Assert.StartsWith("ok       spec  ", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("ok       spec (copy)  ", lines[1], StringComparison.Ordinal);
        // The manifest, the tokens, where their documents begin.
        Assert.All(lines[2..5], line => Assert.Matches("^ok       data [0-9a-f]{12}  [0-9]+ B$", line));
        Assert.Equal(
            [
                "ok       chain0/stage0 step 4 (previous)  80 B",
                "ok       chain0/stage0 step 8  80 B",
                "ok       chain0/stage0 snapshot  80 B",
            ],
            lines[5..8]
        );
        Assert.StartsWith("All 8 are whole, ", lines[8], StringComparison.Ordinal);
    }

    /// <summary>Everything that a run is made of and depends on: whatever is changed or gone is named, and what to do.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Verify_WhenAnyObjectIsDamaged_NamesIt(bool flip)
    {
        var root = await HaveCheckpointsAsync(finished: true);
        var store = await cli.StoreAsync();
        var score = await new RunScores(store, "micro").CreateAsync(
            new NewScore
            {
                SnapshotSha256 = root.Snapshot!.Sha256,
                SetSha256 = new string('b', 64),
                Rows = 16,
                NumericsFingerprint = new string('c', 64),
                LossNats = 1.5,
                BitsPerByte = 2.1,
            },
            new float[] { 0.5f, 0.25f },
            CommandLine.Stop
        );
        await new RunScores(store, "micro").TryCreateEnsembleAsync(
            new EnsembleScore
            {
                Members = [root.Snapshot.Sha256],
                Running = [1.5],
                LossNats = 1.5,
                BitsPerByte = 2.1,
            },
            CommandLine.Stop
        );
        await new RunEvents(store, "micro").AppendAsync(
            new RunEvent(CommandLine.Start, "stage-taken", Stage, "It began."),
            CommandLine.Stop
        );
        await new RunDocuments(store, "micro").ChangeIntentAsync(intent => intent with { Run = DesiredState.Paused }, CommandLine.Stop);
        Assert.Equal(0, await cli.RunAsync("checkpoints", "verify", "micro"));
        var objects = await store
            .ListAsync("", CommandLine.Stop)
            .Select(entry => entry.Name)
            .Where(name => !name.StartsWith("cluster/", StringComparison.Ordinal))
            .Where(name =>
                flip
                || !(
                    name.Contains("/events/", StringComparison.Ordinal)
                    || name.EndsWith(".copy", StringComparison.Ordinal)
                    || name.EndsWith("/submitted", StringComparison.Ordinal)
                    || name.Contains("/ensembles/", StringComparison.Ordinal)
                    || name.EndsWith("/intent", StringComparison.Ordinal)
                    || name.EndsWith("/root", StringComparison.Ordinal)
                    || (name.StartsWith("runs/micro/scores/", StringComparison.Ordinal) && name.EndsWith(".json", StringComparison.Ordinal))
                )
            )
            .ToListAsync(CommandLine.Stop);
        Assert.Contains(score.Vector, objects);
        Assert.True(objects.Count >= 9, string.Join(' ', objects));
        foreach (var name in objects.Where(name => !name.EndsWith("/spec", StringComparison.Ordinal)))
        {
            var good = (await store.TryReadAsync(name, CommandLine.Stop))!.Content.ToArray();
            if (flip)
            {
                await FlipAsync(name);
            }
            else
            {
                await store.TryDeleteAsync(name, cancellationToken: CommandLine.Stop);
            }

            Assert.True(await cli.RunAsync("checkpoints", "verify", "micro") == 1, $"{name}: {cli.Output}{cli.Error}");
            Assert.Contains(name, Flat() + cli.Error, StringComparison.Ordinal);
            Assert.Contains("What to do: ", Flat(), StringComparison.Ordinal);
            await store.WriteAsync(name, good, CommandLine.Stop);
        }

        Assert.Equal(0, await cli.RunAsync("checkpoints", "verify", "micro"));
    }

    [Fact]
    public async Task Verify_WhenTheCurrentOneIsDamaged_SaysThatThePreviousOneWillDoAndFails()
    {
        var root = await HaveCheckpointsAsync();
        await FlipAsync(Part(root.Current!));

        Assert.Equal(1, await cli.RunAsync("checkpoints", "verify", "micro/chain0/stage0"));
        Assert.Contains("DAMAGED  chain0/stage0 step 8", cli.Output, StringComparison.Ordinal);
        Assert.Contains($"'{Part(root.Current!)}' is damaged", Flat(), StringComparison.Ordinal);
        Assert.Contains("What to do: Nothing: the next take goes on from step 4", Flat(), StringComparison.Ordinal);
        Assert.Contains("1 of 7 damaged.", cli.Output, StringComparison.Ordinal);

        Assert.Equal(1, await cli.RunAsync("checkpoints", "verify", "micro", "-o", "json"));
        Assert.Equal(
            [("spec", true), ("spec", true), ("data", true), ("data", true), ("data", true), ("previous", true), ("current", false)],
            cli.Json().EnumerateArray().Select(one => (one.GetProperty("what").GetString(), one.GetProperty("ok").GetBoolean()))
        );
        Assert.Equal(JsonValueKind.Null, cli.Json()[0].GetProperty("advice").ValueKind);
    }

    [Fact]
    public async Task Verify_WhenNoCheckpointIsWhole_SaysThatTheStageBeginsAgain()
    {
        var root = await HaveCheckpointsAsync();
        await FlipAsync(Part(root.Previous!));
        await (await cli.StoreAsync()).TryDeleteAsync(root.Current!.Manifest, cancellationToken: CommandLine.Stop);

        Assert.Equal(1, await cli.RunAsync("checkpoints", "verify", "micro"));
        Assert.Contains($"The manifest '{root.Current!.Manifest}' is missing.", Flat(), StringComparison.Ordinal);
        Assert.Contains("begins the stage again from its first step", Flat(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_WhenTheRootIsDamaged_NamesItAndStillVerifiesTheOthers()
    {
        await HaveCheckpointsAsync();
        await (await cli.StoreAsync()).WriteAsync("runs/micro/chain0/stage1/root", "no"u8.ToArray(), CommandLine.Stop);

        Assert.Equal(1, await cli.RunAsync("checkpoints", "verify", "micro"));
        Assert.Contains("ok       chain0/stage0 step 8", cli.Output, StringComparison.Ordinal);
        Assert.Contains("DAMAGED  chain0/stage1 root", cli.Output, StringComparison.Ordinal);
        Assert.Contains("Without its root no silo takes the stage.", Flat(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_OfARunWithoutCheckpoints_VerifiesItsData()
    {
        await cli.HaveRunAsync();

        Assert.Equal(0, await cli.RunAsync("checkpoints", "verify", "micro"));
        Assert.Contains("All 5 are whole", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Gc_DryRun_ListsWhatGcThenDeletes()
    {
        await HaveCheckpointsAsync(finished: true);
        await PutAsync(Folder + "000001-00000012/part-0.safetensors", 2000);
        await PutAsync("runs/micro/chain0/stage1/000001-00000002/part-0.safetensors", 10);

        Assert.Equal(0, await cli.RunAsync("checkpoints", "gc", "micro", "--dry-run"));
        Assert.Contains($"2 kB  {Folder}000001-00000012/part-0.safetensors", cli.Output, StringComparison.Ordinal);
        Assert.Contains("Would delete 1 object, 2 kB.", cli.Output, StringComparison.Ordinal);

        Assert.Equal(0, await cli.RunAsync("checkpoints", "gc", "micro", "-o", "json"));
        Assert.Equal(2000, cli.Json().GetProperty("lengthBytes").GetInt64());
        Assert.False(await ExistsAsync(Folder + "000001-00000012/part-0.safetensors"));
        // A stage without a root: a silo may be about to take it.
        Assert.True(await ExistsAsync("runs/micro/chain0/stage1/000001-00000002/part-0.safetensors"));

        Assert.Equal(0, await cli.RunAsync("checkpoints", "gc", "micro"));
        Assert.Contains("Nothing of 'micro' is left over.", cli.Output, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("checkpoints", "verify", "micro"));
    }

    [Fact]
    public async Task Gc_WhileAStageHasAnOwner_LeavesWhatItsTokenWrites()
    {
        var root = await HaveCheckpointsAsync();
        await cli.HaveRootAsync(
            "micro",
            Stage,
            root with
            {
                EpochToken = 2,
                Owner = new StageOwner("127.0.0.1:1@1", "a", ["cpu:0"], CommandLine.Start),
            }
        );
        foreach (var folder in new[] { "000001-00000009", "000002-00000009", "000003-00000009" })
        {
            await PutAsync($"{Folder}{folder}/part-0.safetensors", 1);
        }

        Assert.Equal(0, await cli.RunAsync("checkpoints", "gc", "micro/chain0/stage0"));
        Assert.False(await ExistsAsync(Folder + "000001-00000009/part-0.safetensors"));
        Assert.True(await ExistsAsync(Folder + "000002-00000009/part-0.safetensors"));
        Assert.True(await ExistsAsync(Folder + "000003-00000009/part-0.safetensors"));
    }

    [Fact]
    public async Task Gc_OfOneStage_LeavesTheSnapshotsOfTheOthers()
    {
        var root = await HaveCheckpointsAsync(finished: true);
        var other = await SnapshotAsync(9);
        await cli.HaveRootAsync("micro", "chain0/stage1", root with { Snapshot = other, Current = null, Previous = null });
        var orphan = await SnapshotAsync(10);

        Assert.Equal(0, await cli.RunAsync("checkpoints", "gc", "micro/chain0/stage0"));
        Assert.True(await ExistsAsync(other.Name) && await ExistsAsync(root.Snapshot!.Name) && await ExistsAsync(orphan.Name));

        Assert.Equal(0, await cli.RunAsync("checkpoints", "gc", "micro"));
        Assert.True(await ExistsAsync(other.Name) && await ExistsAsync(root.Snapshot!.Name));
        Assert.False(await ExistsAsync(orphan.Name));
    }

    [Fact]
    public async Task Gc_WhenARootIsDamaged_DeletesNothing()
    {
        await HaveCheckpointsAsync();
        await PutAsync(Folder + "000001-00000012/part-0.safetensors", 2000);
        await PutAsync("runs/micro/chain0/stage1/root", 3);

        Assert.Equal(1, await cli.RunAsync("checkpoints", "gc", "micro"));
        Assert.Contains("runs/micro/chain0/stage1/root", cli.Error, StringComparison.Ordinal);
        Assert.True(await ExistsAsync(Folder + "000001-00000012/part-0.safetensors"));
    }

    [Fact]
    public async Task Repair_OfALostRoot_SaysWhatItWouldDoAndDoesIt()
    {
        var root = await HaveCheckpointsAsync();
        await (await cli.StoreAsync()).TryDeleteAsync(Folder + "root", cancellationToken: CommandLine.Stop);

        Assert.Equal(0, await cli.RunAsync("checkpoints", "repair", "micro", "--dry-run"));
        Assert.Contains(
            "'runs/micro/chain0/stage0/root' is missing, although the stage had begun. The stage goes on from step 8",
            Flat(),
            StringComparison.Ordinal
        );
        Assert.False(await ExistsAsync(Folder + "root"));

        Assert.Equal(0, await cli.RunAsync("checkpoints", "repair", $"micro/{Stage}"));
        Assert.StartsWith("repaired", cli.Output, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("checkpoints", "list", "micro", "-o", "json"));
        Assert.Equal(
            [root.Current!.Manifest, root.Previous!.Manifest],
            cli.Json().EnumerateArray().Select(one => one.GetProperty("manifest").GetString())
        );
        Assert.Equal(0, await cli.RunAsync("checkpoints", "repair", "micro"));
        Assert.Contains("Nothing of 'micro' has to be repaired.", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task List_WhenARootIsDamaged_ListsTheOthersAndFails()
    {
        await HaveCheckpointsAsync();
        await PutAsync("runs/micro/chain0/stage1/root", 3);

        Assert.Equal(1, await cli.RunAsync("checkpoints", "list", "micro"));
        Assert.Contains("chain0/stage0", cli.Output, StringComparison.Ordinal);
        Assert.Contains("slowrun checkpoints repair micro/chain0/stage1", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Repair_WhenTheRootIsDamagedAndNothingLiesBesideIt_LetsTheStageBeginAgain()
    {
        await cli.HaveRunAsync();
        await PutAsync(Folder + "root", 3);

        Assert.Equal(0, await cli.RunAsync("checkpoints", "repair", "micro"));
        Assert.Contains("The stage begins with its first step", Flat(), StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("status", "micro"));
        Assert.DoesNotContain("Damaged", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Gc_WhenTheRootIsAnOlderOne_LeavesTheNewerWholeCheckpoint()
    {
        var root = await HaveCheckpointsAsync();
        await cli.HaveRootAsync("micro", Stage, root with { Current = root.Previous, Previous = null });

        Assert.Equal(0, await cli.RunAsync("checkpoints", "gc", "micro"));
        Assert.True(await ExistsAsync(root.Current!.Manifest));
    }

    [Theory]
    [InlineData("verify")]
    [InlineData("gc")]
    [InlineData("list")]
    [InlineData("repair")]
    public async Task Any_OfWhatThereIsNot_SaysWhatThereIs(string command)
    {
        await cli.HaveRunAsync();

        Assert.Equal(3, await cli.RunAsync("checkpoints", command, "mirco"));
        Assert.Contains("There are: micro", cli.Error, StringComparison.Ordinal);
        Assert.Equal(3, await cli.RunAsync("checkpoints", command, "micro/chain7/stage0"));
        Assert.Equal(2, await cli.RunAsync("checkpoints", command, "micro/nonsense"));
    }

    /// <summary>A stage with whole checkpoints of steps 4 and 8.</summary>
    private async Task<StageRoot> HaveCheckpointsAsync(bool finished = false)
    {
        await cli.HaveRunAsync();
        var identity = new StageIdentity
        {
            RecipeSha256 = "recipe",
            DataSha256 = "data",
            EngineRevision = 1,
            NumericsFingerprint = "device",
        };
        var writer = new CheckpointWriter(await cli.StoreAsync(), cli.Time);
        var root = CommandLine.Begun(8) with { Identity = identity };
        root = root with
        {
            Previous = await writer.WriteAsync("micro", new StageId(0, 0), 1, 4, identity, [Tensor(4)], CommandLine.Stop),
            Current = await writer.WriteAsync("micro", new StageId(0, 0), 1, 8, identity, [Tensor(8)], CommandLine.Stop),
            Snapshot = finished ? await SnapshotAsync(8) : null,
        };
        await cli.HaveRootAsync("micro", Stage, root);
        return root;
    }

    private async Task<SnapshotRef> SnapshotAsync(byte value) =>
        await new SnapshotStore(await cli.StoreAsync(), "micro", cli.Time).CreateAsync([Tensor(value)], CommandLine.Stop);

    private static TensorData Tensor(byte value) => new("wte.weight", ElementType.F32, [2], new byte[] { 1, 2, 3, 4, 5, 6, 7, value });

    private async Task PutAsync(string name, int bytes) =>
        await (await cli.StoreAsync()).WriteAsync(name, new byte[bytes], CommandLine.Stop);

    private async Task<bool> ExistsAsync(string name) => await (await cli.StoreAsync()).TryReadAsync(name, CommandLine.Stop) is not null;

    private async Task FlipAsync(string name)
    {
        var store = await cli.StoreAsync();
        var bytes = (await store.TryReadAsync(name, CommandLine.Stop))!.Content.ToArray();
        bytes[^1] ^= 1;
        await store.WriteAsync(name, bytes, CommandLine.Stop);
    }

    private static string Part(CheckpointRef checkpoint) =>
        checkpoint.Manifest.Replace("manifest.json", "part-0.safetensors", StringComparison.Ordinal);

    /// <summary>The output without the console's line breaks.</summary>
    private string Flat() => string.Join(' ', cli.Output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
