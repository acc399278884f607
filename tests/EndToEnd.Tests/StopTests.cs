using System.Diagnostics;
using System.Globalization;

namespace Slowrun.EndToEnd.Tests;

/// <summary>A silo that is told to stop while its store is broken ends within the time that it has.</summary>
[Collection(Cli.Waiting)]
public sealed class StopTests
{
    // Of 4 s, 3 s of grace, and what a busy machine takes to end processes; without the option it is 5 minutes.
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(2);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("hangs")]
    [InlineData("fails")]
    public async Task Silo_WhenItsStoreIsBrokenAndItIsAskedToStop_EndsWithinTheStopTime(string how)
    {
        using var store = new TemporaryStore();
        var cli = new Cli(store.Path);
        Assert.Equal(0, (await cli.RunAsync("submit", "micro", "--set", "stage.epochs=100000")).ExitCode);
        using var silo = cli.Start("silo", "--slots", "cpu:1", "--stop-within", "4s");
        await cli.TrainingAsync("micro", silo, 1);

        using var broken = how == "hangs" ? Hanging(store.Path) : Failing(store.Path);
        var from = Stopwatch.GetTimestamp();
        Processes.Signal(silo.Process.Id, Processes.SigTerm);
        var end = await silo.EndAsync(Stop);

        var took = Stopwatch.GetElapsedTime(from);
        Assert.True(took < Longest, $"{took}: {end.Output}{end.Error}");
        Assert.NotEqual(0, end.ExitCode);
    }

    /// <summary>Every lock of the store is held, as by a process that was stopped in between: replacing anything waits.</summary>
    private static Held Hanging(string store) =>
        new(
            [
                .. Enumerable
                    .Range(0, 64)
                    .Select(shard => Locked(Path.Combine(store, ".locks", shard.ToString("x2", CultureInfo.InvariantCulture)))),
            ],
            () => { }
        );

    /// <summary>Waits for the silo, which may hold the lock at this moment: it writes while the locks are taken.</summary>
    private static FileStream Locked(string path)
    {
        while (true)
        {
            Stop.ThrowIfCancellationRequested();
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                Thread.Yield();
            }
        }
    }

    /// <summary>A file stands where the directory was.</summary>
    private static Held Failing(string store)
    {
        Directory.Move(store, store + ".away");
        File.WriteAllText(store, "");
        return new Held(
            [],
            () =>
            {
                File.Delete(store);
                Directory.Move(store + ".away", store);
            }
        );
    }

    private sealed class Held(IReadOnlyList<FileStream> files, Action end) : IDisposable
    {
        public void Dispose()
        {
            files.ToList().ForEach(file => file.Dispose());
            end();
        }
    }
}
