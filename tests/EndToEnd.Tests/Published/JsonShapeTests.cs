using System.Text.Json;

namespace Slowrun.EndToEnd.Tests.Published;

/// <summary>What programs read: the fields that are promised, with their types, of a finished run.</summary>
[Collection(Cli.Waiting)]
public sealed class JsonShapeTests(CalmTiny calm, PublishedClient client)
{
    [Fact]
    public async Task Status_HasThePromisedFields()
    {
        var status = await JsonAsync("status", "tiny");

        Expect(status, "", ("name", "tiny"), ("state", "Succeeded"), ("source", "store"));
        Assert.True(status.GetProperty("asOf").TryGetDateTimeOffset(out _));
        Numbers(status.GetProperty("ensemble"), "members", "lossNats", "bitsPerByte");
        Assert.Equal(4, status.GetProperty("stages").GetArrayLength());
        foreach (var (stage, i) in status.GetProperty("stages").EnumerateArray().Select((stage, i) => (stage, i)))
        {
            Expect(stage, $"stages[{i}].", ("id", FormattableString.Invariant($"chain{i / 2}/stage{i % 2}")), ("state", "Done"));
            Numbers(
                stage,
                "step",
                "steps",
                "durableStep",
                "durableAgeSeconds",
                "epochToken",
                "preemptions",
                "lostSteps",
                "trainLossNats",
                "valLossNats"
            );
            // A finished stage has no owner; the fields are there, too.
            Assert.Equal(
                (JsonValueKind.Null, JsonValueKind.Null),
                (stage.GetProperty("owner").ValueKind, stage.GetProperty("tokensPerSecond").ValueKind)
            );
            Assert.Matches("^[0-9a-f]{64}$", stage.GetProperty("snapshotSha256").GetString());
        }
    }

    [Theory]
    [InlineData("name,state,asOf,source,ensemble,stages", "list")]
    [InlineData("stage,which,step,epochToken,lengthBytes,at,manifest", "checkpoints", "list", "tiny")]
    [InlineData("stage,what,step,lengthBytes,name,ok,damage,advice", "checkpoints", "verify", "tiny")]
    [InlineData("dryRun,lengthBytes,objects", "checkpoints", "gc", "tiny", "--dry-run")]
    [InlineData("name,recipe,operations", "spec", "show", "run:tiny")]
    [InlineData("equal,recipe,operations", "spec", "diff", "tiny", "run:tiny")]
    [InlineData("stages,trainTokens", "spec", "explain", "run:tiny")]
    public async Task Command_OfData_PrintsJsonWithItsFields(string fields, params string[] arguments)
    {
        var printed = await JsonAsync(arguments);
        var value = printed.ValueKind == JsonValueKind.Array ? printed[0] : printed;

        Assert.All(
            fields.Split(','),
            field => Assert.True(value.TryGetProperty(field, out _), $"'{string.Join(' ', arguments)}' prints no '{field}': {value}")
        );
    }

    [Fact]
    public async Task Events_AreAJsonValueALine()
    {
        var events = (await PrintedAsync("events", "tiny"))
            .TrimEnd()
            .Split('\n')
            .Select(line => JsonSerializer.Deserialize<JsonElement>(line))
            .ToList();

        Assert.InRange(events.Count, 8, 1000);
        Assert.All(
            events,
            happened =>
                Assert.All(
                    ["at", "kind", "stage", "message"],
                    field => Assert.True(happened.TryGetProperty(field, out _), $"No '{field}': {happened}")
                )
        );
    }

    private static void Expect(JsonElement value, string where, params (string Field, string Value)[] fields) =>
        Assert.All(
            fields,
            field =>
                Assert.True(
                    value.GetProperty(field.Field).GetString() == field.Value,
                    $"{where}{field.Field} is {value.GetProperty(field.Field)}, not {field.Value}."
                )
        );

    private static void Numbers(JsonElement value, params string[] fields) =>
        Assert.All(
            fields,
            field => Assert.True(value.GetProperty(field).ValueKind == JsonValueKind.Number, $"{field} is {value.GetProperty(field)}.")
        );

    private async Task<JsonElement> JsonAsync(params string[] arguments) =>
        JsonSerializer.Deserialize<JsonElement>(await PrintedAsync(arguments));

    private async Task<string> PrintedAsync(params string[] arguments)
    {
        var result = await client.RunAsync(new() { ["SLOWRUN_STORE"] = calm.Cli.Store }, [.. arguments, "-o", "json"]);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', arguments)} exited with {result.ExitCode}: {result.Error}");
        return result.Output;
    }
}
