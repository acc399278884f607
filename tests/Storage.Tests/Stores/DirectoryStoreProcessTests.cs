using System.Diagnostics;
using System.Globalization;
using System.Text;
using Slowrun.Storage.Directories;

namespace Slowrun.Storage.Tests.Stores;

/// <summary>The directory store between processes, and on disks that are full or read-only.</summary>
public sealed class DirectoryStoreProcessTests : IDisposable
{
    private const int Rounds = 1_000;

    private readonly TemporaryFolder folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task TryReplace_WhenEightProcessesRaceForAThousandRounds_EachRoundHasOneWinner()
    {
        var store = DirectoryStore.Open(folder["store"]);
        await store.WriteAsync("counter", "0"u8.ToArray(), Cancel);

        var wins = await RaceAsync("count");

        Assert.Equal(Rounds, wins.Sum());
        Assert.Equal($"{Rounds}", Encoding.UTF8.GetString((await store.TryReadAsync("counter", Cancel))!.Content.Span));
        Assert.Empty(Directory.GetFiles(folder["store/.tmp"]));
    }

    [Fact]
    public async Task TryCreate_WhenEightProcessesRaceForAThousandNames_EachNameHasOneWinner() =>
        Assert.Equal(Rounds, (await RaceAsync("create")).Sum());

    [Fact]
    public async Task TryCreate_WhenTheDiskIsFull_SaysSoAndLosesNothing() =>
        Assert.Equal("Full 0 42", await MountedAsync("size=2m", "fill", 100_000));

    [Fact]
    public async Task Write_WhenTheFileSystemIsReadOnly_SaysSo()
    {
        var e = await MountedAsync("size=2m", "write", 1, "mount -o remount,ro {0} &&");

        Assert.StartsWith("ReadOnly: ", e, StringComparison.Ordinal);
        Assert.Contains("Remount", e, StringComparison.Ordinal);
    }

    private static async Task<string> OutputAsync(Process process)
    {
        using (process)
        {
            var errors = process.StandardError.ReadToEndAsync(Cancel);
            var output = await process.StandardOutput.ReadToEndAsync(Cancel);
            return (output + await errors).Trim();
        }
    }

    private async Task<int[]> RaceAsync(string role)
    {
        var racers = Enumerable.Range(0, 8).Select(_ => ChildProcess.Start(role, folder["store"], $"{Rounds}")).ToArray();
        var outputs = await Task.WhenAll(racers.Select(OutputAsync));
        return
        [
            .. outputs.Select(output =>
                int.TryParse(output, CultureInfo.InvariantCulture, out var won) ? won : throw new InvalidOperationException(output)
            ),
        ];
    }

    /// <summary>Runs a child whose store is on a small file system, in a mount namespace that ends with it.</summary>
    private async Task<string> MountedAsync(string options, string role, int argument, string then = "")
    {
        Directory.CreateDirectory(folder["store"]);
        var mount =
            $"mount -t tmpfs -o {options} none {folder["store"]} && mkdir {folder["store/.tmp"]} {folder["store/.locks"]} && "
            + string.Format(CultureInfo.InvariantCulture, then, folder["store"])
            + " exec \"$0\"";
        var output = await OutputAsync(
            ChildProcess.Start(role, folder["store"], $"{argument}", "unshare", "--mount", "--map-root-user", "sh", "-c", mount)
        );
        Assert.SkipWhen(
            output.StartsWith("unshare:", StringComparison.Ordinal) || output.StartsWith("mount:", StringComparison.Ordinal),
            $"This machine allows no mount namespace, which a small disk needs: {output}"
        );
        return output;
    }
}
