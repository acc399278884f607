using System.Threading.Channels;
using Slowrun.Client.Cli;
using Slowrun.Clustering.Membership;
using Slowrun.Core.Plan;
using Slowrun.Core.Status;

namespace Slowrun.Client.Display;

/// <summary>The status screen, drawn over in place. One task draws: a terminal must not be written to from two sides.</summary>
internal sealed class LiveProgress : ProgressView
{
    private readonly Channel<object> news = Channel.CreateUnbounded<object>();
    private readonly Task drawing;

    public LiveProgress(ClientContext context, RunPlan plan)
    {
        var profile = context.Console.Profile;
        var screen = new LiveScreen(context.Output, () => (profile.Width, profile.Height));
        drawing = Task.Run(async () =>
        {
            await foreach (var item in news.Reader.ReadAllAsync())
            {
                if (item is Shown(var status, var silos))
                {
                    var view = new StatusView(status, context.Time.GetUtcNow(), silos, plan)
                    {
                        Width = profile.Width,
                        Height = profile.Height,
                        Unicode = profile.Capabilities.Unicode,
                    };
                    screen.Draw(context.Console.Lines(StatusScreen.Of(view)));
                }
                else
                {
                    screen.Say((string)item);
                }
            }
        });
    }

    public override void Show(RunStatus status, IReadOnlyList<LiveSilo>? silos = null) => news.Writer.TryWrite(new Shown(status, silos));

    public override void Say(string line) => news.Writer.TryWrite(line);

    public override async ValueTask DisposeAsync()
    {
        news.Writer.TryComplete();
        await drawing;
    }

    private sealed record Shown(RunStatus Status, IReadOnlyList<LiveSilo>? Silos);
}
