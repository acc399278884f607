using System.Threading.Channels;
using Slowrun.Client.Cli;
using Slowrun.Core.Plan;
using Slowrun.Core.Status;
using Spectre.Console;

namespace Slowrun.Client.Display;

/// <summary>The status table, drawn over in place. One task draws: a terminal must not be written to from two sides.</summary>
internal sealed class LiveProgress : ProgressView
{
    private readonly Channel<object> news = Channel.CreateUnbounded<object>();
    private readonly Task drawing;

    public LiveProgress(ClientContext context, RunPlan plan) => drawing = context.Console
        .Live(new Text(""))
        .Overflow(VerticalOverflow.Ellipsis)
        .StartAsync(async display =>
        {
            await foreach (var item in news.Reader.ReadAllAsync())
            {
                if (item is RunStatus status)
                {
                    display.UpdateTarget(StatusTable.Of(status, context.Time.GetUtcNow(), Eta.Of(status, plan)));
                    display.Refresh();
                }
                else
                {
                    context.Console.WriteLine((string)item);
                }
            }
        });

    public override void Show(RunStatus status) => news.Writer.TryWrite(status);

    public override void Say(string line) => news.Writer.TryWrite(line);

    public override async ValueTask DisposeAsync()
    {
        news.Writer.TryComplete();
        await drawing;
    }
}
