using System.Diagnostics;

namespace Slowrun.Gpu;

/// <summary>How long a training waits for a checkpoint's copy to the host: when it begins, and before the next update.</summary>
internal static class CapturePart
{
    public static int Run(Bench bench)
    {
        const string name = "10x-plain";
        // As many micro-batches as a step of the preset has, or enough to hide the copy behind: what is left of it then is the stall.
        var plan = Sizes.Plan(bench, name, bench.Toy ? 2 : 8);
        using var training = new MadeUp(plan).Training(bench, plan);
        training.RunStep(CancellationToken.None);
        var watch = Stopwatch.StartNew();
        using var buffer = training.NewBuffer();
        var prepared = watch.Elapsed.TotalSeconds;

        watch.Restart();
        training.Capture(buffer);
        var whole = watch.Elapsed.TotalSeconds;

        double waited = 0;
        watch.Restart();
        var copied = training.BeginCapture(
            buffer,
            task =>
            {
                var from = Stopwatch.GetTimestamp();
                task.Wait();
                waited = Stopwatch.GetElapsedTime(from).TotalSeconds;
            }
        );
        var begun = watch.Elapsed.TotalSeconds;
        training.RunStep(CancellationToken.None);
        copied.GetAwaiter().GetResult();
        return Bench.Tell(
            "capture",
            name,
            ("bytes", buffer.LengthBytes),
            ("bufferSeconds", prepared),
            ("copySeconds", whole),
            ("beginSeconds", begun),
            ("waitSeconds", waited),
            ("stallSeconds", begun + waited)
        );
    }
}
