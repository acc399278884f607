namespace Slowrun.Web.Tests.ClientLibrary;

/// <summary>The generated half of the client library, which is part of the sources, beside the API that it is made of.</summary>
public sealed class GeneratedClientTests(OpenPage open) : IClassFixture<OpenPage>
{
    private const string Renewal = "dotnet run --project tests/Web.Tests -- -method '*Client_WhenRenewed_IsWritten' -explicit only";

    private static readonly string ClientFile = Path.Combine(Repository.Root, "src", "Client.Api", "SlowrunClient.g.cs");

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Client_OfTheSources_IsMadeOfTheApiAsItIs()
    {
        var generated = (await GenerateAsync()).Split('\n');
        var there = (await File.ReadAllTextAsync(ClientFile, Stop)).Split('\n');

        var line = Enumerable
            .Range(0, Math.Max(generated.Length, there.Length))
            .FirstOrDefault(i => generated.ElementAtOrDefault(i) != there.ElementAtOrDefault(i), -1);
        Assert.True(
            line < 0,
            $"The API has changed, and its client has not. '{Renewal}' renews it. Line {line + 1} is '{there.ElementAtOrDefault(line)}', and would be '{generated.ElementAtOrDefault(line)}'."
        );
    }

    [Fact(Explicit = true)]
    public async Task Client_WhenRenewed_IsWritten() => await File.WriteAllTextAsync(ClientFile, await GenerateAsync(), Stop);

    private async Task<string> GenerateAsync()
    {
        using var description = await open.Page.GetAsync("/api/v1/openapi.json");
        return await ClientGenerator.GenerateAsync(await description.Content.ReadAsStringAsync(Stop), Stop);
    }
}
