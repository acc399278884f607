using Slowrun.Storage.Runs;

namespace Slowrun.Web.Tests.ClientLibrary;

/// <summary>What docs/client-library.md shows is run here.</summary>
public sealed class LibraryExampleTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Example_OfThePage_IsTheCodeThatIsRun()
    {
        var page = await LinesAsync("docs", "client-library.md");
        var code = await LinesAsync("tests", "Web.Tests", "ClientLibrary", "LibraryExample.cs");

        var shown = page.SkipWhile(line => line != "```csharp").Skip(1).TakeWhile(line => line != "```").ToList();

        Assert.Equal(
            code.SkipWhile(line => line != "// Begin").Skip(1).TakeWhile(line => line != "// End"),
            shown.Select(line => line.Trim())
        );
        Assert.Equal(10, shown.Count);

        static async Task<IEnumerable<string>> LinesAsync(params string[] path) =>
            (await File.ReadAllLinesAsync(Path.Combine([Repository.Root, .. path]), Stop)).Select(line => line.Trim());
    }

    [Fact]
    public async Task Example_AgainstAServer_SubmitsWatchesAndTellsTheLoss()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);
        var data = await ExampleData.UploadAsync(page.Store, 20_000, Stop);
        var example = new LibraryExample();

        var running = example.RunAsync(page.Address, TestPage.Token, data);
        // Told of the run, silos train it.
        await Task.WhenAny(page.Live.Poked, running).WaitAsync(Stop);
        var run = await ExampleRun.OpenAsync(page.Store, "mine", Stop);
        foreach (var stage in run.Stages)
        {
            await run.HaveFinishedAsync(stage.ToString(), 1.7);
        }

        var members = run.Members.Select(stage => stage.ToString()).ToArray();
        await run.HaveEnsembleAsync([.. members.Select((_, i) => 1.7 - (0.1 * i))], members);
        await running.WaitAsync(Stop);

        var said = example.Console.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal($"Succeeded, {192 * run.Stages.Count} steps", said[^2]);
        Assert.Equal($"The ensemble's loss: {1.7 - (0.1 * (members.Length - 1))} nats per token", said[^1]);
    }

    [Fact]
    public async Task Example_OfARunThatIsPreemptedTooOften_CancelsIt()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);
        var data = await ExampleData.UploadAsync(page.Store, 20_000, Stop);
        var example = new LibraryExample();

        var running = example.RunAsync(page.Address, TestPage.Token, data);
        await Task.WhenAny(page.Live.Poked, running).WaitAsync(Stop);
        var run = await ExampleRun.OpenAsync(page.Store, "mine", Stop);
        await run.HaveAsync(run.Stages[0].ToString(), 70, 192, root => root with { Preemptions = 101 });
        await running.WaitAsync(Stop);

        Assert.Contains("Cancelled, 70 steps", example.Console.ToString(), StringComparison.Ordinal);
        Assert.Equal(Core.Stages.DesiredState.Cancelled, (await new RunDocuments(page.Store, "mine").ReadIntentAsync(Stop)).Run);
    }
}
