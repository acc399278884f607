namespace Slowrun.Web.Tests;

/// <summary>One page that asks for no token, for tests that change nothing of it.</summary>
public sealed class OpenPage : IAsyncLifetime
{
    internal TestPage Page { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Page = await TestPage.StartAsync();

    public ValueTask DisposeAsync() => Page.DisposeAsync();
}
