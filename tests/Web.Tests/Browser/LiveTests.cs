using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Slowrun.Core.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Runs;
using static Slowrun.Web.Tests.ExampleStore;

namespace Slowrun.Web.Tests.Browser;

/// <summary>Changes while a viewer looks.</summary>
public sealed class LiveTests(Chromium chromium)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Grid_WhenAStageGetsOn_ShowsItWithoutBeingLoadedAgain()
    {
        await using var page = await TestPage.StartAsync();
        await using var window = await chromium.OpenAsync(page.Address);
        await window.Page.GotoAsync($"/runs/{Running}");
        await window.Page.EvaluateAsync("() => { window.kept = true; }");
        await window.Page.FocusAsync("a.stage >> nth=1");

        var name = RunPaths.Progress(Running, ExampleRun.Id("chain0/stage1"));
        await page.Store.WriteAsync(
            name,
            SealedJson.Serialize(
                name,
                new StageProgress
                {
                    Stage = "chain0/stage1",
                    EpochToken = 1,
                    Activity = StageActivity.Training,
                    Step = 155,
                    Steps = 192,
                    At = DateTimeOffset.UnixEpoch,
                }
            ),
            Stop
        );

        await window.Page.GetByText("step 155 of 192").WaitForAsync();
        Assert.True(await window.Page.EvaluateAsync<bool>("() => window.kept"));
        Assert.StartsWith(
            "chain0/stage1",
            await window.Page.EvaluateAsync<string>("() => document.activeElement.textContent.trim()"),
            StringComparison.Ordinal
        );
        window.AssertNoTrouble();
    }

    [Fact]
    public async Task Runs_ChosenInTheList_StayChosenWhileItChanges_AndAreCompared()
    {
        await using var page = await TestPage.StartAsync();
        await using var window = await chromium.OpenAsync(page.Address);
        await window.Page.GotoAsync("/");
        await window.Page.GetByLabel($"Compare {Finished}").CheckAsync();
        await window.Page.GetByLabel($"Compare {Running}").CheckAsync();

        await ExampleRun.CreateAsync(page.Store, "another", "[{stages: 1}]", DateTimeOffset.UnixEpoch, Stop);
        await window.Page.GetByLabel("Compare another").WaitForAsync();
        Assert.True(await window.Page.GetByLabel($"Compare {Finished}").IsCheckedAsync());
        Assert.False(await window.Page.GetByLabel("Compare another").IsCheckedAsync());
        await window.Page.GetByRole(AriaRole.Button, new() { Name = "Compare the chosen runs" }).ClickAsync();

        await window.Page.WaitForURLAsync($"**/compare?*run={Finished}&run={Running}*");
        Assert.Equal(
            [$"{Finished} chain0/stage0", $"{Finished} chain0/stage1", $"{Running} chain0/stage0", $"{Running} chain0/stage1"],
            (await window.Page.Locator("#training-chart .legend li").AllInnerTextsAsync()).Select(text => text.Trim())
        );
        await window.Page.ClickAsync("#zoom-in");
        await window.Page.WaitForFunctionAsync("() => document.querySelector('#training-chart svg[data-box]').dataset.x.split(' ')[0] > 1");
        Assert.Contains($"run={Finished}&run={Running}", window.Page.Url, StringComparison.Ordinal);
        window.AssertNoTrouble();
    }

    [Fact]
    public async Task Chart_UnderAPointer_ReadsTheCurve_AndDraggedOver_ShowsThatPart()
    {
        await using var page = await TestPage.StartAsync();
        await using var window = await chromium.OpenAsync(page.Address);
        await window.Page.GotoAsync($"/runs/{Finished}/losses?stage=chain0/stage0");
        var box = (await window.Page.Locator("#training-chart svg[data-box]").BoundingBoxAsync())!;

        await window.Page.Mouse.MoveAsync(box.X + (box.Width / 2), box.Y + (box.Height / 2));
        Assert.Matches(
            @"^chain0/stage0: \d\.\d{3} at step of the stage \d+$",
            await window.Page.InnerTextAsync("#training-chart .readout")
        );

        await window.Page.Mouse.DownAsync();
        await window.Page.Mouse.MoveAsync(box.X + (box.Width * 0.75f), box.Y + (box.Height / 2), new() { Steps = 5 });
        await window.Page.Mouse.UpAsync();
        await window.Page.WaitForFunctionAsync(
            "() => document.querySelector('#training-chart svg[data-box]').dataset.x.split(' ')[0] > 80"
        );
        Assert.Matches(@"from=\d+&to=\d+", window.Page.Url);
        await window.Page.GoBackAsync();
        await window.Page.WaitForFunctionAsync(
            "() => document.querySelector('#training-chart svg[data-box]').dataset.x.split(' ')[0] == 1"
        );
        window.AssertNoTrouble();
    }

    [Fact]
    public async Task Plots_WhenDownloaded_AreFilesOfTheirOwn()
    {
        await using var page = await TestPage.StartAsync();
        await using var window = await chromium.OpenAsync(page.Address);
        await window.Page.GotoAsync($"/runs/{Finished}/losses");

        var download = await window.Page.RunAndWaitForDownloadAsync(() => window.Page.Locator("#training-chart a[download]").ClickAsync());

        Assert.Equal("finished-training.svg", download.SuggestedFilename);
        var svg = System.Xml.Linq.XDocument.Parse(await File.ReadAllTextAsync((await download.PathAsync())!, Stop));
        Assert.Equal(
            4,
            svg.Descendants()
                .Count(element => (string?)element.Attribute("class") is { } name && name.StartsWith("series", StringComparison.Ordinal))
        );
    }

    [Fact]
    public async Task LogIn_ThenPause_WritesTheIntentAndShowsIt()
    {
        await using var page = await TestPage.StartAsync(TestPage.Token);
        await using var window = await chromium.OpenAsync(page.Address);
        await window.Page.GotoAsync($"/runs/{Running}");
        await window.AssertAccessibleAsync();
        await window.Page.GetByLabel("The token that the page was started with").FillAsync(TestPage.Token);
        await window.Page.Keyboard.PressAsync("Enter");
        await window.Page.GetByRole(AriaRole.Button, new() { Name = "Pause" }).ClickAsync();

        await window.Page.Locator("#state .badge.paused").WaitForAsync();
        Assert.Equal(DesiredState.Paused, (await new RunDocuments(page.Store, Running).ReadIntentAsync(Stop)).Run);
        await window.AssertAccessibleAsync();
        window.AssertNoTrouble();
    }

    [Fact]
    public async Task Page_WithoutScripts_StillShowsAndZooms()
    {
        await using var page = await TestPage.StartAsync();
        await using var window = await chromium.OpenAsync(page.Address);
        await window.Page.RouteAsync("**/page.js*", route => route.AbortAsync());
        await window.Page.GotoAsync($"/runs/{Finished}/losses");
        await window.Page.ClickAsync("#zoom-in");

        // Not WaitForURL: it also waits for the load event of a page whose script was refused, which may have come before it looks.
        await Assertions.Expect(window.Page).ToHaveURLAsync(new Regex(@"/losses\?from="));
        await Assertions.Expect(window.Page.Locator("#training-chart .series")).ToHaveCountAsync(4);
    }
}
