using Microsoft.AspNetCore.Http;

namespace Slowrun.Silo.Tests.Preemption;

/// <summary>GCP's metadata server, as its documentation describes it.</summary>
internal sealed class FakeGcp : FakePlatform
{
    private const string Root = "/computeMetadata/v1/instance/";
    private readonly Lock gate = new();
    private string preempted = "FALSE";
    private int version;
    private TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Maintenance { get; set; } = "NONE";

    public bool Chunked { get; set; }

    /// <summary>Ends when a request begins to wait for a change.</summary>
    public TaskCompletionSource Waiting { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What <c>preempted</c> says; a change ends what waits for it.</summary>
    public string Preempted
    {
        get => preempted;
        set
        {
            lock (gate)
            {
                preempted = value;
                version++;
                changed.SetResult();
                changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }

    protected override async Task AnswerAsync(HttpContext context)
    {
        if (context.Request.Headers["Metadata-Flavor"] != "Google")
        {
            await AnswerAsync(context, 403, "<html>Missing Metadata-Flavor:Google header.</html>");
            return;
        }

        context.Response.Headers["Metadata-Flavor"] = "Google";
        context.Response.Headers.Server = "Metadata Server for VM";
        switch (context.Request.Path.Value)
        {
            case Root + "id":
                await AnswerAsync(context, 200, "1234567890123456789");
                return;
            case Root + "maintenance-event":
                await AnswerAsync(context, 200, Maintenance, Chunked);
                return;
            case Root + "preempted":
                await PreemptedAsync(context);
                return;
            default:
                await AnswerAsync(context, 404, "<html>Not found</html>");
                return;
        }
    }

    private async Task PreemptedAsync(HttpContext context)
    {
        Task change;
        bool waits;
        lock (gate)
        {
            change = changed.Task;
            waits = context.Request.Query["wait_for_change"] == "true" && context.Request.Query["last_etag"] == Etag;
        }

        if (waits)
        {
            Waiting.TrySetResult();
            var seconds = int.Parse(context.Request.Query["timeout_sec"]!, System.Globalization.CultureInfo.InvariantCulture);
            await Task.WhenAny(change, Task.Delay(TimeSpan.FromSeconds(seconds), context.RequestAborted));
        }

        string text;
        lock (gate)
        {
            (text, context.Response.Headers["ETag"]) = (preempted, Etag);
        }

        await AnswerAsync(context, 200, text, Chunked);
    }

    private string Etag => $"411261ca6c9e4d{version:x2}";
}
