using System.Net;
using System.Text;
using Microsoft.Extensions.Time.Testing;

namespace Slowrun.Web.Tests.ClientLibrary;

/// <summary>A server that gives one answer after another, and then none.</summary>
internal sealed class ScriptedAnswers(params Func<HttpResponseMessage>[] answers) : HttpMessageHandler
{
    private int given;

    /// <summary>A stream of a run's statuses that the server ends.</summary>
    public static HttpResponseMessage Stream(params string[] states) =>
        Events(new StringContent(string.Concat(states.Select(Event)), Encoding.UTF8, "text/event-stream"));

    /// <summary>One that breaks in the midst of an event.</summary>
    public static HttpResponseMessage Cut(params string[] states) => Broken(states, _ => throw new IOException("The machine has gone."));

    /// <summary>One that stays open, with nothing more to say for a minute.</summary>
    public static HttpResponseMessage Silent(FakeTimeProvider time, params string[] states) =>
        Broken(
            states,
            stop =>
            {
                time.Advance(TimeSpan.FromMinutes(1));
                stop.ThrowIfCancellationRequested();
                throw new InvalidOperationException("Somebody waits for longer than a minute.");
            }
        );

    public static HttpResponseMessage Refusal(HttpStatusCode status, string body, string type) =>
        new(status) { Content = new StringContent(body, Encoding.UTF8, type) };

    public static HttpResponseMessage Unreachable() => throw new HttpRequestException("Connection refused");

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        Task.FromResult(answers[given++]());

    private static HttpResponseMessage Events(HttpContent content) => new(HttpStatusCode.OK) { Content = content };

    private static string Event(string state) =>
        $$"""
            event: event
            data: {}

            event: status
            data: {"name":"mine","state":"{{state}}","asOf":"2026-01-01T00:00:00Z","source":"store","stages":[]}


            """.ReplaceLineEndings("\n");

    private static HttpResponseMessage Broken(string[] states, Func<CancellationToken, Task> end)
    {
        var text = string.Concat(states.Select(Event)) + "event: status\ndata: {\"name\":";
        return Events(new StreamContent(new Body(text, end)) { Headers = { ContentType = new("text/event-stream") } });
    }

    /// <param name="end">What becomes of reading on after the text.</param>
    private sealed class Body(string text, Func<CancellationToken, Task> end) : MemoryStream(Encoding.UTF8.GetBytes(text))
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Position == Length)
            {
                await end(cancellationToken);
            }

            return await base.ReadAsync(buffer, cancellationToken);
        }
    }
}
