using Slowrun.Core.Notices;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Notices;

/// <summary>Receivers of notices in a spec: what is read, and that a secret is refused without being shown.</summary>
public sealed class NotifyRulesTests
{
    private const string Secret = "T0ken5ecret";

    [Fact]
    public void Read_OfReceivers_KeepsEverythingAndRoundTrips()
    {
        var spec = Read(
            """
            - url: env:SLACK_URL
            - url: https://ntfy.example.org/my-runs
              format: ntfy
              about: [finished, stalled]
              headers:
                Authorization: env:NTFY_TOKEN
                X-Team: 12
              stalledAfter: 2h
              lostAnHour: 0
            """
        );

        var (first, second) = (spec.Operations.Notify![0], spec.Operations.Notify[1]);
        Assert.Equal(("env:SLACK_URL", null, TimeSpan.FromMinutes(30), 5), (first.Url, first.Format, first.StalledAfter, first.LostAnHour));
        Assert.Equal(("ntfy", TimeSpan.FromHours(2), 0), (second.Format, second.StalledAfter, second.LostAnHour));
        Assert.Equal(["finished", "stalled"], second.About);
        Assert.Equal(("env:NTFY_TOKEN", "12"), (second.Headers!["Authorization"], second.Headers["X-Team"]));
        Assert.Equal(CanonicalJson.Sha256(spec), CanonicalJson.Sha256(SpecReader.FromText(SpecWriter.Yaml(spec), "again")));
    }

    [Theory]
    [InlineData($"[{{url: 'https://hooks.slack.com/services/{Secret}'}}]", "a webhook of hooks.slack.com is a secret by itself")]
    [InlineData($"[{{url: 'https://discord.com/api/webhooks/1/{Secret}'}}]", "a webhook of discord.com is a secret by itself")]
    [InlineData($"[{{url: 'https://canary.discord.com/api/webhooks/1/{Secret}'}}]", "a webhook of discord.com is a secret by itself")]
    [InlineData($"[{{url: 'https://me:{Secret}@example.org/x'}}]", "the URL has a user or a password in it")]
    [InlineData($"[{{url: 'https://example.org/x?token={Secret}'}}]", "the URL has a query, which often holds a token")]
    [InlineData($"[{{url: '{Secret}'}}]", "it is no URL; expected https://…, or env:NAME")]
    [InlineData($"[{{url: 'ftp://example.org/{Secret}'}}]", "it is no URL")]
    [InlineData($"[{{url: 'env:{Secret}-1'}}]", "expected env: and the name of an environment variable")]
    [InlineData($"https://hooks.slack.com/services/{Secret}", "found a text, expected a list")]
    [InlineData($"[{{url: env:A, headers: {{Authorization: 'Bearer {Secret}'}}}}]", "'Authorization': the value looks like a secret")]
    [InlineData($"[{{url: env:A, headers: {{X-Api-Key: '{Secret}'}}}}]", "'X-Api-Key': the value looks like a secret")]
    public void Read_OfASecret_RefusesItWithoutShowingIt(string notify, string message)
    {
        var inFile = Assert.Throws<SpecException>(() => Read(notify)).Message;
        var set = new SpecOverrides { Set = [$"operations.notify={notify}"] };
        var onTheLine = Assert.Throws<SpecException>(() => SpecReader.FromPreset("micro", set)).Message;

        Assert.All([inFile, onTheLine], told => Assert.Contains(message, told, StringComparison.Ordinal));
        Assert.All([inFile, onTheLine], told => Assert.DoesNotContain(Secret, told, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("[{url: env:AZURE_CLIENT_SECRET}]", "variables that begin with AZURE_ hold credentials of other things")]
    [InlineData("[{url: env:A, headers: {X: env:SLOWRUN_TOKEN}}]", "variables that begin with SLOWRUN_ hold credentials")]
    [InlineData(
        "[{url: env:A, format: slak}]",
        "found 'slak', expected one of slack, discord, ntfy, cloudevents, json. Did you mean 'slack'?"
    )]
    [InlineData("[{url: env:A, about: [finnished]}]", "Did you mean 'finished'?")]
    [InlineData("[{url: env:A, about: []}]", "it would be told nothing")]
    [InlineData("[{url: env:A}, {url: env:A}]", "two receivers have the same url")]
    [InlineData("[{url: env:A, stalledAfter: 0s}]", "found 0s, expected at least 1s")]
    [InlineData("[{url: env:A, headers: {'X Y': z}}]", "this is no name of a header")]
    [InlineData("[{url: env:A, headers: {content-type: text/plain}}]", "'content-type' is set by what is sent")]
    [InlineData("[{url: env:A, headers: {Host: example.org}}]", "'Host' is set by what is sent")]
    [InlineData("[{format: slack}]", "the field 'url' is missing")]
    public void Read_OfAMistake_SaysWhatIsExpected(string notify, string message) =>
        Assert.Contains(message, Assert.Throws<SpecException>(() => Read(notify)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("https://hooks.slack.com/x", NoticeFormat.Slack)]
    [InlineData("https://discord.com/api/webhooks/1/2", NoticeFormat.Discord)]
    [InlineData("https://ntfy.sh/topic", NoticeFormat.Ntfy)]
    [InlineData("https://ntfy.example.org/topic", NoticeFormat.Ntfy)]
    [InlineData("https://notdiscord.com/x", NoticeFormat.Json)]
    public void FormatOf_AHost_IsTheOneItIsKnownFor(string url, string format) => Assert.Equal(format, NoticeFormat.Of(new Uri(url)));

    private static RunSpec Read(string notify) =>
        SpecReader.FromText(
            $"extends: micro\noperations:\n  notify:{(notify.StartsWith('-') ? $"\n    {notify.ReplaceLineEndings("\n    ")}" : $" {notify}")}\n",
            "mine.yaml"
        );
}
