using Slowrun.Core.Stages;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Tests.Commands;

/// <summary>A program of the user's, run at a run's end.</summary>
public sealed class WatchCommandTests : IDisposable
{
    private readonly CommandLine cli = new();
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Watch_OfACancelledRun_RunsTheProgramForThatAndEndsWithItsExitCode()
    {
        await CancelledAsync();
        var said = Path.Combine(folder.Path, "said");

        Assert.Equal(
            7,
            await cli.RunAsync(
                "watch",
                "micro",
                "--on-done",
                $"echo done > {said}",
                "--on-failed",
                $"echo \"$SLOWRUN_RUN $SLOWRUN_STATE <$SLOWRUN_LOSS> $SLOWRUN_STORE\" > {said}; exit 7"
            )
        );

        Assert.Equal($"micro Cancelled <> {cli.Address}\n", await File.ReadAllTextAsync(said, CommandLine.Stop));
    }

    [Fact]
    public async Task Watch_OfACancelledRunWithoutAProgramForThat_Fails()
    {
        await CancelledAsync();

        Assert.Equal(1, await cli.RunAsync("watch", "micro", "--on-done", "exit 5"));
    }

    [Fact]
    public async Task Watch_OfNoRun_SaysSo() => Assert.Equal(3, await cli.RunAsync("watch", "nothing", "--on-done", "exit 5"));

    private async Task CancelledAsync()
    {
        await cli.HaveRunAsync();
        await new RunDocuments(await cli.StoreAsync(), "micro").ChangeIntentAsync(
            intent => intent.With(DesiredState.Cancelled, null),
            CommandLine.Stop
        );
    }
}
