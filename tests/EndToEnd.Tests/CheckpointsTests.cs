using Slowrun.Core.Plan;
using Slowrun.Storage.Addresses;
using Slowrun.Storage.Runs;

namespace Slowrun.EndToEnd.Tests;

/// <summary><c>checkpoints verify</c> and <c>gc</c> as a user meets them, on a run that real silos have made.</summary>
[Collection(Cli.Waiting)]
public sealed class CheckpointsTests(CalmMicro calm)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task VerifyAndGc_OfAFinishedRun_FindWhatIsDamagedAndWhatIsNotNeeded()
    {
        using var folder = new TemporaryStore();
        var cli = new Cli(folder.Path);
        await calm.CopyAsync(folder);
        var store = await StoreAddress.OpenAsync(folder.Path, create: false, cancellationToken: Stop);
        var root = (await new RunDocuments(store, "micro").TryReadRootAsync(new StageId(0, 1), Stop))!;

        var whole = await cli.RunAsync("checkpoints", "verify", "micro");
        Assert.True(whole.ExitCode == 0, whole.Output + whole.Error);
        Assert.DoesNotContain("DAMAGED", whole.Output, StringComparison.Ordinal);
        Assert.Contains("chain0/stage1 snapshot", whole.Output, StringComparison.Ordinal);

        const string Orphan = "runs/micro/chain0/stage1/000001-00000099/part-0.safetensors";
        await store.WriteAsync(Orphan, new byte[1234], Stop);
        var dry = await cli.RunAsync("checkpoints", "gc", "micro", "--dry-run");
        Assert.Contains(Orphan, dry.Output, StringComparison.Ordinal);
        Assert.NotNull(await store.TryReadAsync(Orphan, Stop));
        Assert.Equal(1234, (await cli.JsonAsync("checkpoints", "gc", "micro")).GetProperty("lengthBytes").GetInt64());
        Assert.Null(await store.TryReadAsync(Orphan, Stop));

        var part = root.Current!.Manifest.Replace("manifest.json", "part-0.safetensors", StringComparison.Ordinal);
        var bytes = (await store.TryReadAsync(part, Stop))!.Content.ToArray();
        bytes[bytes.Length / 2] ^= 4;
        await store.WriteAsync(part, bytes, Stop);
        var damaged = await cli.RunAsync("checkpoints", "verify", "micro/chain0/stage1");
        Assert.Equal(1, damaged.ExitCode);
        Assert.Contains($"'{part}' is damaged", damaged.Output, StringComparison.Ordinal);
        Assert.Contains("What to do: Nothing, unless a stage goes on from this final state", damaged.Output, StringComparison.Ordinal);
        Assert.Equal(0, (await cli.RunAsync("checkpoints", "verify", "micro/chain0/stage0")).ExitCode);
    }
}
