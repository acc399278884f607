using Slowrun.Core.Stages;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Tests.Commands;

public sealed class EventsCommandTests
{
    private readonly CommandLine cli = new();

    [Theory]
    [InlineData("taken-0 taken-1 lost-1 drained", "events", "micro")]
    [InlineData("taken-1 lost-1", "events", "micro", "--stage", "chain0/stage1")]
    [InlineData("taken-0 taken-1 lost-1", "events", "micro", "--stage", "chain0")]
    [InlineData("lost-1 drained", "events", "micro", "--kind", "owner-lost", "--kind", "silo-drained")]
    [InlineData("lost-1 drained", "events", "micro", "--since", "25m")]
    [InlineData("lost-1", "events", "micro", "--since", "2026-11-01T11:35:00Z", "--stage", "chain0/stage1")]
    [InlineData("lost-1 drained", "events", "micro", "--last", "2")]
    [InlineData("taken-1 lost-1", "events", "micro", "--last", "2", "--stage", "chain0")]
    [InlineData("taken-0 taken-1 lost-1 drained", "events", "micro", "--last", "100")]
    public async Task Events_WithFilters_PrintsOnlyThoseThatMatch(string expected, params string[] arguments)
    {
        await HaveEventsAsync();

        Assert.Equal(0, await cli.RunAsync(arguments));

        Assert.Equal(expected.Split(' '), cli.Output.TrimEnd().Split('\n').Select(line => line.Split(' ')[^1]));
        Assert.Empty(cli.Error);
    }

    [Fact]
    public async Task Events_OfAMisspeltKind_SaysWhichThereAre()
    {
        await HaveEventsAsync();

        Assert.Equal(0, await cli.RunAsync("events", "micro", "--kind", "owner-lots"));
        Assert.Contains(
            "Did you mean 'owner-lost'? There are: owner-lost, silo-drained, stage-taken.",
            cli.Error,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData(3, "has no stage or chain 'chain0/stage7'. Did you mean 'chain0/stage", "--stage", "chain0/stage7")]
    [InlineData(2, "'yesterday' is neither an age", "--since", "yesterday")]
    [InlineData(2, "--last: expected is a number of events, 1 or more; found 0.", "--last", "0")]
    public async Task Events_OfAFilterThatMakesNoSense_SaysSo(int exitCode, string message, params string[] filter)
    {
        await HaveEventsAsync();

        Assert.Equal(exitCode, await cli.RunAsync(["events", "micro", .. filter]));
        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
        Assert.Empty(cli.Output);
    }

    [Fact]
    public async Task Events_Followed_PrintsWhatHappensAndEndsWithTheRun()
    {
        await HaveEventsAsync();
        var following = cli.RunAsync("events", "micro", "--follow", "--kind", "run-seen");
        var documents = new RunDocuments(await cli.StoreAsync(), "micro");
        await AppendAsync(TimeSpan.Zero, "run-seen", null, "seen");
        await documents.ChangeIntentAsync(intent => intent with { Run = DesiredState.Cancelled }, CommandLine.Stop);
        while (!following.IsCompleted)
        {
            cli.Time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        Assert.Equal(0, await following);
        Assert.Contains("run-seen", cli.Output, StringComparison.Ordinal);
    }

    private async Task HaveEventsAsync()
    {
        await cli.HaveRunAsync();
        await AppendAsync(TimeSpan.FromMinutes(40), "stage-taken", "chain0/stage0", "taken-0");
        await AppendAsync(TimeSpan.FromMinutes(30), "stage-taken", "chain0/stage1", "taken-1");
        await AppendAsync(TimeSpan.FromMinutes(20), "owner-lost", "chain0/stage1", "lost-1");
        await AppendAsync(TimeSpan.FromMinutes(10), "silo-drained", null, "drained");
    }

    private async Task AppendAsync(TimeSpan ago, string kind, string? stage, string message) =>
        await new RunEvents(await cli.StoreAsync(), "micro").AppendAsync(
            new RunEvent(CommandLine.Start - ago, kind, stage, message),
            CommandLine.Stop
        );
}
