using Microsoft.Playwright;
using static Slowrun.Web.Tests.ExampleStore;

namespace Slowrun.Web.Tests.Browser;

/// <summary>Every view, with a running, a preempted and a finished run, as a browser shows it.</summary>
public sealed class ViewTests(Chromium chromium) : IAsyncLifetime
{
    // Each section once, and again of the runs that have something else in it.
    private static readonly (string Run, string[] Sections)[] Runs =
    [
        (Running, ["", "/losses", "/timeline", "/ledger", "/members", "/events", "/spec"]),
        (Finished, ["", "/losses", "/members"]),
        (Preempted, ["", "/timeline", "/events"]),
    ];

    private TestPage page = null!;

    public static TheoryData<string> Views =>
        [
            .. Runs.SelectMany(run => run.Sections.Select(section => $"/runs/{run.Run}{section}")),
            "/",
            "/?find=n&state=running",
            "/?find=nothing",
            "/silos",
            "/silos?find=spot",
            "/compare",
            $"/compare?run={Finished}&run={Running}",
        ];

    public async ValueTask InitializeAsync() => page = await TestPage.StartAsync();

    public ValueTask DisposeAsync() => page.DisposeAsync();

    [Theory]
    [MemberData(nameof(Views))]
    public async Task View_InLightAndDarkAndOnAPhone_IsAccessibleAndSilent(string view)
    {
        await using var window = await chromium.OpenAsync(page.Address);
        await window.Page.GotoAsync(view);
        await window.AssertAccessibleAsync();
        await window.AssertFitsAsync();

        await window.ShootAsync($"{view}-light");

        await window.Page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = ColorScheme.Dark });
        await window.Page.SetViewportSizeAsync(360, 740);
        await window.AssertAccessibleAsync();
        await window.AssertFitsAsync();
        await window.ShootAsync($"{view}-dark-phone");
        window.AssertNoTrouble();
    }

    [Fact]
    public async Task Grid_OfARunningRun_ShowsEachStagesStateAndWhatWaits()
    {
        await using var window = await chromium.OpenAsync(page.Address);
        await window.Page.GotoAsync($"/runs/{Running}");

        var cell = window.Page.GetByRole(AriaRole.Link, new() { Name = "chain0/stage1" });
        Assert.Matches(
            @"^chain0/stage1:\s+▶ Training\s+step 107 of 192\s+training 1.8123\s+spot-2, cpu:0 cpu:1\s+durable to 90, \d+ .* ago\s+✕ 1 preemption, 12 steps lost$",
            await cell.InnerTextAsync()
        );
        Assert.Contains("Waits for 'chain0/stage1' to finish.", await window.Page.InnerTextAsync("#waits"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_WithMarkupInThem_AreShownAsText()
    {
        await using var window = await chromium.OpenAsync(page.Address);
        await window.Page.GotoAsync($"/runs/{Preempted}/events");

        Assert.Contains("<b>no</b> space left on device & more", await window.Page.InnerTextAsync("#events"), StringComparison.Ordinal);
        window.AssertNoTrouble();
    }

    [Fact]
    public async Task Timeline_OfALostMachine_SaysWhatItCost()
    {
        await using var window = await chromium.OpenAsync(page.Address);
        await window.Page.GotoAsync($"/runs/{Running}/timeline");

        var row = window.Page.GetByRole(AriaRole.Row).Filter(new() { HasText = "lost" }).Filter(new() { HasText = "spot-1 is gone" });
        var cells = await row.GetByRole(AriaRole.Cell).AllInnerTextsAsync();
        Assert.Equal(["lost", "12", "3 s", "8 s"], cells.Skip(3).Take(4));
        Assert.Equal(3, await window.Page.Locator("svg .bar").CountAsync());
        Assert.Equal(1, await window.Page.Locator("svg .loss").CountAsync());
        Assert.Equal(1, await window.Page.Locator("svg .notice").CountAsync());
    }

    [Fact]
    public async Task Keyboard_FromTheTop_ReachesContentSectionsAndChart()
    {
        await using var window = await chromium.OpenAsync(page.Address);
        await window.Page.GotoAsync($"/runs/{Finished}/losses");

        await window.Page.Keyboard.PressAsync("Tab");
        Assert.Equal("Skip to content", await FocusedAsync(window));
        await window.Page.Keyboard.PressAsync("Enter");
        await window.Page.Keyboard.PressAsync("Tab");
        Assert.Equal("Stages", await FocusedAsync(window));

        // By keys alone into the chart: zoom in, which keeps the focus.
        await window.Page.FocusAsync("#zoom-in");
        await window.Page.Keyboard.PressAsync("Enter");
        await window.Page.WaitForURLAsync("**/losses?*from=*");
        await window.Page.WaitForFunctionAsync("() => document.querySelector('#training-chart svg').dataset.x.split(' ')[0] > 1");
        Assert.Equal("Zoom in", await FocusedAsync(window));
        window.AssertNoTrouble();
    }

    private static Task<string> FocusedAsync(BrowserWindow window) =>
        window.Page.EvaluateAsync<string>("() => document.activeElement.textContent.trim()");
}
