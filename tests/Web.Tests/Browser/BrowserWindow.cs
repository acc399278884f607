using System.Collections.Concurrent;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace Slowrun.Web.Tests.Browser;

/// <summary>A page in a browser, and everything that went wrong in it.</summary>
public sealed class BrowserWindow : IAsyncDisposable
{
    private readonly IBrowserContext context;
    private readonly ConcurrentQueue<string> troubles = new();

    internal BrowserWindow(IBrowserContext context, IPage page)
    {
        (this.context, Page) = (context, page);
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                troubles.Enqueue($"{message.Type}: {message.Text}");
            }
        };
        page.PageError += (_, error) => troubles.Enqueue($"script: {error}");
        page.Request += (_, request) =>
        {
            if (new Uri(request.Url) is { Scheme: "http" or "https", Host: not "127.0.0.1" })
            {
                troubles.Enqueue($"something from elsewhere: {request.Url}");
            }
        };
    }

    public IPage Page { get; }

    public void AssertNoTrouble() => Assert.Empty(troubles);

    /// <summary>No rule of axe is broken, contrasts among them.</summary>
    public async Task AssertAccessibleAsync()
    {
        var result = await Page.RunAxe();
        Assert.Empty(
            result.Violations.Select(violation =>
                $"{violation.Id}: {violation.Help}: {string.Join(" | ", violation.Nodes.Take(3).Select(node => node.Html))}"
            )
        );
    }

    /// <summary>Wide things scroll in a box of their own; the page does not.</summary>
    public async Task AssertFitsAsync() =>
        Assert.Equal(0, await Page.EvaluateAsync<int>("() => Math.max(0, document.scrollingElement.scrollWidth - window.innerWidth)"));

    /// <summary>A picture to look at, where SLOWRUN_SCREENSHOTS names a folder.</summary>
    public async Task ShootAsync(string name)
    {
        if (Environment.GetEnvironmentVariable("SLOWRUN_SCREENSHOTS") is { Length: > 0 } folder)
        {
            await Page.ScreenshotAsync(
                new PageScreenshotOptions { Path = Path.Combine(folder, $"{name.Trim('/').Replace('/', '-')}.png") }
            );
        }
    }

    public async ValueTask DisposeAsync() => await context.DisposeAsync();
}
