using Slowrun.Core.Notices;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Tests.Commands;

/// <summary>Receivers of notices on the command line, and what <c>explain</c> says of notices that do not arrive.</summary>
public sealed class NotifyCommandTests
{
    private const string Secret = "T0ken5ecret";

    private readonly CommandLine cli = new();

    [Fact]
    public async Task Set_OfAReceiver_TakesAUrlAListAndNothing()
    {
        await cli.HaveRunAsync();

        Assert.Equal(0, await cli.RunAsync("set", "micro", "notify=env:SLACK_URL"));
        Assert.Equal("env:SLACK_URL", Assert.Single((await OperationsAsync()).Notify!).Url);

        Assert.Equal(0, await cli.RunAsync("set", "micro", "notify[0].about=[finished]"));
        Assert.Equal(["finished"], Assert.Single((await OperationsAsync()).Notify!).About);

        Assert.Equal(0, await cli.RunAsync("set", "micro", "notify=[{url: env:A}, {url: env:B, headers: {X-Y: z}}]"));
        Assert.Equal(["env:A", "env:B"], (await OperationsAsync()).Notify!.Select(target => target.Url));

        Assert.Equal(0, await cli.RunAsync("set", "micro", "notify=null"));
        Assert.Null((await OperationsAsync()).Notify);
    }

    [Theory]
    [InlineData("set", "micro", $"notify=https://hooks.slack.com/services/{Secret}")]
    [InlineData("submit", "micro", "--name", "other", "--notify", $"https://discord.com/api/webhooks/1/{Secret}")]
    [InlineData("submit", "micro", "--name", "other", "--set", $"operations.notify=[{{url: https://x.example/?key={Secret}}}]")]
    public async Task Command_WithASecretUrl_RefusesItWithoutShowingIt(params string[] arguments)
    {
        await cli.HaveRunAsync();

        Assert.Equal(2, await cli.RunAsync(arguments));

        Assert.Contains(
            "Put the URL into an environment variable of the silos, and write env:NAME here",
            cli.Error,
            StringComparison.Ordinal
        );
        Assert.DoesNotContain(Secret, cli.Error + cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_OfNoticesThatDoNotArrive_NamesSiloAndVariable()
    {
        await cli.HaveRunAsync("micro", "operations.notify=[{url: env:A}, {url: env:B}]");
        var notice = new Notice
        {
            Id = "stalled-3",
            Kind = NoticeKind.Stalled,
            Run = "micro",
            Title = "Run micro stands still",
            Text = "",
            At = CommandLine.Start,
        };
        await new RunNotices(await cli.StoreAsync(), "micro").ChangeAsync(
            notice.Id,
            _ =>
                new NoticeDocument { Notice = notice }
                    .With("env:A", new NoticeDelivery(NoticeDelivery.Owed) { Lacking = ["vm-1 has no environment variable 'A'"] })
                    .With("env:B", new NoticeDelivery(NoticeDelivery.Failed) { SiloName = "vm-1", Why = "it answers 404." })
                    .With("env:GONE", new NoticeDelivery(NoticeDelivery.Failed) { SiloName = "vm-1", Why = "it answers 404." }),
            CommandLine.Stop
        );

        Assert.Equal(0, await cli.RunAsync("explain", "micro"));

        var told = string.Join(' ', cli.Output.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("to env:A is not sent yet: vm-1 has no environment variable 'A'.", told, StringComparison.Ordinal);
        Assert.Contains("to env:B was given up by vm-1: it answers 404.", told, StringComparison.Ordinal);
        Assert.DoesNotContain("env:GONE", told, StringComparison.Ordinal);
    }

    private async Task<Core.Recipes.Operations> OperationsAsync() =>
        (await new RunDocuments(await cli.StoreAsync(), "micro").TryReadSpecAsync(CommandLine.Stop))!.Operations;
}
