using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Slowrun.Grains.Telemetry;

/// <summary>A piece of work that is traced and timed. Only what is <see cref="Done"/> is counted; without it the span ends as
/// failed.</summary>
internal sealed class TimedSpan(Activity? span, Histogram<double> duration, TagList tags) : IDisposable
{
    private readonly long from = Stopwatch.GetTimestamp();
    private bool done;

    public void Done()
    {
        done = true;
        duration.Record(Stopwatch.GetElapsedTime(from).TotalSeconds, tags);
    }

    public void Dispose()
    {
        if (!done)
        {
            span?.SetStatus(ActivityStatusCode.Error);
        }

        span?.Dispose();
    }
}
