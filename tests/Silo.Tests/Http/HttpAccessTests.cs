using Microsoft.AspNetCore.Http;
using Slowrun.Silo.Http;

namespace Slowrun.Silo.Tests.Http;

public sealed class HttpAccessTests
{
    private const string Token = "0123456789abcdef";

    [Theory]
    [InlineData("/metrics", null, 401)]
    [InlineData("/", null, 401)]
    [InlineData("/healthz/", null, 401)]
    [InlineData("/HEALTHZ", null, 401)]
    [InlineData("/metrics", "Bearer 0123456789abcdeF", 401)]
    [InlineData("/metrics", "Bearer ", 401)]
    [InlineData("/metrics", "Bearer 0123456789abcdef0", 401)]
    [InlineData("/metrics", "Basic 0123456789abcdef", 401)]
    [InlineData("/metrics", "0123456789abcdef", 401)]
    [InlineData("/metrics", "Bearer 0123456789abcdef", 200)]
    [InlineData("/metrics", "bearer 0123456789abcdef", 200)]
    [InlineData("/healthz", null, 200)]
    [InlineData("/readyz", null, 200)]
    public async Task Apply_WithAToken_LetsOnlyItsBearersInButForHealth(string path, string? authorization, int status)
    {
        var (answered, headers) = await AskAsync(Token, path, "silo.example", authorization);

        Assert.Equal(status, answered);
        Assert.Equal(status == 401, headers.WWWAuthenticate.Count > 0);
    }

    [Theory]
    [InlineData("localhost:9464", 200)]
    [InlineData("127.0.0.1:9464", 200)]
    [InlineData("[::1]:9464", 200)]
    [InlineData("evil.example:9464", 421)]
    [InlineData("localhost.evil.example", 421)]
    [InlineData("", 421)]
    public async Task Apply_WithoutAToken_AnswersNoNameThatAWebPageCouldHaveLedHere(string host, int status) =>
        Assert.Equal(status, (await AskAsync(null, "/metrics", host, authorization: null)).Status);

    private static async Task<(int Status, IHeaderDictionary Headers)> AskAsync(string? token, string path, string host, string? authorization)
    {
        var context = new DefaultHttpContext { Request = { Path = path, Host = new HostString(host) } };
        if (authorization is not null)
        {
            context.Request.Headers.Authorization = authorization;
        }

        await new HttpAccess(token).ApplyAsync(context, _ => Task.CompletedTask);
        return (context.Response.StatusCode, context.Response.Headers);
    }
}
