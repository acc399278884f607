using System.Net;
using static Slowrun.Web.Tests.ExampleStore;

namespace Slowrun.Web.Tests.Access;

/// <summary>What a caller gets who has no token, or the right one.</summary>
public sealed class TokenTests(LockedPage locked) : IClassFixture<LockedPage>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/v1/runs")]
    [InlineData("/api/v1/runs/running")]
    [InlineData("/api/v1/runs/running/stream")]
    [InlineData("/api/v1/runs/running/metrics.csv")]
    [InlineData("/api/v1/openapi.json")]
    [InlineData("/API/v1/runs")]
    [InlineData("/api/v1/nothing")]
    public async Task Api_WithoutTheToken_IsRefusedAndShowsNothing(string path)
    {
        using var answer = await locked.Page.GetAsync(path);

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Equal("Bearer", answer.Headers.WwwAuthenticate.ToString());
        Assert.DoesNotContain(Running, await answer.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/silos")]
    [InlineData("/runs/running/spec")]
    [InlineData("/runs/running/plots/training.svg")]
    public async Task Page_WithoutTheToken_SendsToTheLogIn(string path)
    {
        using var answer = await locked.Page.GetAsync(path);

        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        Assert.StartsWith("/login?to=%2F", answer.Headers.Location?.OriginalString, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/login")]
    [InlineData("/assets/page.css")]
    [InlineData("/assets/page.js")]
    [InlineData("/assets/icon.svg")]
    public async Task LogIn_WithWhatItIsDrawnWith_IsOpenToAll(string path)
    {
        using var answer = await locked.Page.GetAsync(path);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }
}
