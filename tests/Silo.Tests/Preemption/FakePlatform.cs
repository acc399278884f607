using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Slowrun.Silo.Tests.Preemption;

/// <summary>A metadata service on a free port of this machine, well-behaved unless told otherwise.</summary>
internal abstract class FakePlatform : IAsyncDisposable
{
    private readonly WebApplication app;

    protected FakePlatform()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        app = builder.Build();
        app.Run(async context =>
        {
            Asked.Enqueue($"{context.Request.Method} {context.Request.Path}{context.Request.QueryString}");
            await (Misbehaviour ?? AnswerAsync)(context);
        });
        app.StartAsync().GetAwaiter().GetResult();
        Address = new Uri(app.Urls.Single() + "/");
    }

    public Uri Address { get; }

    /// <summary>Instead of every answer; null: behaves.</summary>
    public Func<HttpContext, Task>? Misbehaviour { get; set; }

    public ConcurrentQueue<string> Asked { get; } = [];

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    protected abstract Task AnswerAsync(HttpContext context);

    /// <summary>Answers with a text, in as many chunks as it has letters where <paramref name="chunked"/>.</summary>
    public static async Task AnswerAsync(HttpContext context, int status, string text, bool chunked = false)
    {
        context.Response.StatusCode = status;
        if (!chunked)
        {
            context.Response.ContentLength = text.Length;
            await context.Response.WriteAsync(text);
            return;
        }

        foreach (var letter in text)
        {
            await context.Response.WriteAsync(letter.ToString());
            await context.Response.Body.FlushAsync();
        }
    }
}
