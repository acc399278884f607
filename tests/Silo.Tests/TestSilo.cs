using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Slowrun.Silo.Hosting;
using Slowrun.Silo.Http;
using Slowrun.Silo.Preemption;
using Slowrun.Storage;

namespace Slowrun.Silo.Tests;

/// <summary>A whole silo in this process, with one slot, that answers HTTP on a free port.</summary>
internal sealed class TestSilo : IAsyncDisposable
{
    private readonly IHost host;

    private bool stopped;

    private TestSilo(IHost host) => this.host = host;

    public HttpClient Http { get; } = new();

    public HttpEndpoints Web => host.Services.GetRequiredService<HttpEndpoints>();

    public IGrainFactory Grains => host.Services.GetRequiredService<IGrainFactory>();

    public string Address => host.Services.GetRequiredService<ILocalSiloDetails>().SiloAddress.ToParsableString();

    public static async Task<TestSilo> StartAsync(
        IObjectStore store,
        string name,
        Uri? metadata,
        CancellationToken cancellationToken,
        string? token = null,
        HttpArguments? http = null
    )
    {
        var host = await SiloHost.BuildAsync(
            new SiloSettings
            {
                Store = store.Address,
                Slots = ["cpu:0"],
                Name = name,
                // Tests ask without a pause.
                Http = HttpSettings.Parse(http ?? new HttpArguments { Http = "0", Token = token })! with
                {
                    CpuShare = 1,
                },
                Preemption = metadata is null
                    ? null
                    : new PreemptionSettings(
                        Platform.Auto,
                        new MetadataOptions
                        {
                            Address = metadata,
                            VmName = "trainer_3",
                            Interval = TimeSpan.FromMilliseconds(50),
                        }
                    ),
            },
            store,
            cancellationToken
        );
        await host.StartAsync(cancellationToken);
        var silo = new TestSilo(host);
        silo.Http.BaseAddress = silo.Web.Addresses![0];
        return silo;
    }

    public Task<string> GetAsync(string path) => Http.GetStringAsync(path, TestContext.Current.CancellationToken);

    /// <summary>Waits until it takes work, which begins a moment after it has joined.</summary>
    public Task UntilReadyAsync() =>
        Until.HoldsAsync(async stop =>
        {
            using var answer = await Http.GetAsync("/readyz", stop);
            return answer.IsSuccessStatusCode;
        });

    /// <summary>Waits until it has stopped by itself.</summary>
    public async Task UntilStoppedAsync()
    {
        await host.WaitForShutdownAsync(TestContext.Current.CancellationToken);
        stopped = true;
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        if (!stopped)
        {
            await host.StopAsync(CancellationToken.None);
        }

        host.Dispose();
    }
}
