using Microsoft.Playwright;
using static Slowrun.Web.Tests.ExampleStore;

namespace Slowrun.Web.Tests.Browser;

/// <summary>What is to be seen on a desk and on a phone without scrolling sideways.</summary>
public sealed class LayoutTests(Chromium chromium) : IAsyncLifetime
{
    private const int Desk = 1400,
        Phone = 390;

    private TestPage page = null!;

    public static TheoryData<string> Views =>
        [
            $"/runs/{Running}",
            $"/runs/{Finished}/losses",
            $"/runs/{Running}/timeline",
            "/",
            "/silos",
            "/nothing",
            $"/compare?run={Finished}&run={Running}&chain=0&in=chain",
        ];

    public async ValueTask InitializeAsync() => page = await TestPage.StartAsync();

    public ValueTask DisposeAsync() => page.DisposeAsync();

    [Theory]
    [MemberData(nameof(Views))]
    public async Task View_OnADeskAndOnAPhone_KeepsItsChartsTabsAndSentencesInSight(string view)
    {
        // Colours move nothing; one of the widths has the dark ones.
        foreach (var (width, colours) in new[] { (Desk, ColorScheme.Light), (Phone, ColorScheme.Dark) })
        {
            await using var window = await chromium.OpenAsync(page.Address, colours, width, height: 844);
            await window.Page.GotoAsync(view);

            Assert.Empty(
                await BeyondAsync(window, ".tabs a, .chart svg, .chart .tick:not(.odd), .takes td, .takes th, .legend li, .top nav a")
            );
            var smallest = await window.Page.EvaluateAsync<double>(
                "() => Math.min(100, ...[...document.querySelectorAll('.chart text')].map(text => text.getBoundingClientRect().height).filter(height => height > 0))"
            );
            Assert.True(smallest > 9, $"Text of a chart is {smallest:F1} pixels high at {width}.");
            await window.AssertFitsAsync();
            await window.ShootAsync($"layout{view}-{width}-{colours}");
        }
    }

    /// <summary>What of these is not wholly between the edges of the window.</summary>
    private static async Task<string[]> BeyondAsync(BrowserWindow window, string selector) =>
        await window.Page.EvaluateAsync<string[]>(
            """
            (selector) => [...document.querySelectorAll(selector)]
                .filter(element => { const box = element.getBoundingClientRect(); return box.width > 0 && (box.left < -0.5 || box.right > innerWidth + 0.5); })
                .map(element => `${element.tagName} ${element.textContent.slice(0, 60)}`)
            """,
            selector
        );
}
