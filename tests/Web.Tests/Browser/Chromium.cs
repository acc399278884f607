using Microsoft.Playwright;

[assembly: AssemblyFixture(typeof(Slowrun.Web.Tests.Browser.Chromium))]

namespace Slowrun.Web.Tests.Browser;

/// <summary>One headless Chromium for all tests, which skip where the machine has none.</summary>
public sealed class Chromium : IAsyncLifetime
{
    private static readonly string[] Places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    // It must not look for updates or telemetry: tests have no network but loopback.
    private static readonly string[] Arguments =
    [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
    ];

    private readonly SemaphoreSlim starting = new(1);
    private IPlaywright? playwright;
    private IBrowser? browser;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <summary>A separate window, with the errors of its console.</summary>
    public async Task<BrowserWindow> OpenAsync(Uri address, ColorScheme colours = ColorScheme.Light, int width = 1280, int height = 900)
    {
        var program = Places.FirstOrDefault(File.Exists);
        Assert.SkipUnless(program is not null, "There is no Chromium on this machine: 'apt-get install chromium' brings it.");
        await starting.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            playwright ??= await Playwright.CreateAsync();
            browser ??= await playwright.Chromium.LaunchAsync(
                new BrowserTypeLaunchOptions
                {
                    ExecutablePath = program,
                    Headless = true,
                    Args = Arguments,
                }
            );
        }
        finally
        {
            starting.Release();
        }

        var context = await browser.NewContextAsync(
            new BrowserNewContextOptions
            {
                BaseURL = address.ToString(),
                ColorScheme = colours,
                ViewportSize = new ViewportSize { Width = width, Height = height },
                AcceptDownloads = true,
            }
        );
        // A loaded machine takes its time.
        context.SetDefaultTimeout(60_000);
        return new BrowserWindow(context, await context.NewPageAsync());
    }

    public async ValueTask DisposeAsync()
    {
        if (browser is not null)
        {
            await browser.DisposeAsync();
        }

        playwright?.Dispose();
        starting.Dispose();
    }
}
