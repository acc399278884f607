using System.Text.Json;

[assembly: AssemblyFixture(typeof(Slowrun.EndToEnd.Tests.CalmTiny))]

namespace Slowrun.EndToEnd.Tests;

/// <summary>One undisturbed run of the preset <c>tiny</c>.</summary>
public sealed class CalmTiny : IAsyncLifetime
{
    private readonly TemporaryStore store = new();

    internal Cli Cli => new(store.Path);

    internal CliResult Result { get; private set; } = new(-1, "", "");

    internal JsonElement Status { get; private set; }

    public async ValueTask InitializeAsync()
    {
        Result = await Cli.RunAsync("run", "tiny");
        Status = await Cli.JsonAsync("status", "tiny");
    }

    public ValueTask DisposeAsync()
    {
        store.Dispose();
        return ValueTask.CompletedTask;
    }
}
