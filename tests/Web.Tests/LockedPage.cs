namespace Slowrun.Web.Tests;

/// <summary>One page that asks for the token, for tests that change nothing of it.</summary>
public sealed class LockedPage : IAsyncLifetime
{
    internal TestPage Page { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Page = await TestPage.StartAsync(TestPage.Token);

    public ValueTask DisposeAsync() => Page.DisposeAsync();
}
