using System.Diagnostics;
using System.Runtime.InteropServices;
using Slowrun.Core.Explain;
using Slowrun.Core.Plan;

namespace Slowrun.Gpu;

/// <summary>
/// A few steps of one size, with few micro-batches and with more: the difference is a micro-batch's time, what is left the time of a step
/// beside them (sum, clipping, update). A step as the preset has it follows from the two.
/// </summary>
internal static class StepPart
{
    private const int Few = 2;
    private const int More = 6;
    private const int Warm = 2;

    public static int Run(Bench bench, string name)
    {
        var before = bench.UsedBytes();
        var few = Measure(bench, name, Few).Seconds;
        var (more, peak, estimate, flops, counts, reads) = Measure(bench, name, More);
        var microBatch = Math.Max(0, (more - few) / (More - Few));
        var beside = Math.Max(0, few - (Few * microBatch));
        var plan = Sizes.Plan(bench, name, Few);
        var microBatches = Sizes.MicroBatchesOfRecipe(bench, name);
        double tokens = plan.Stage.DeviceRows * plan.Model.SequenceLength;
        var rate = microBatches * tokens / ((microBatches * microBatch) + beside);
        return Bench.Tell(
            bench.Path is null ? "step" : "kernel-step",
            name,
            ("tokensPerSecond", rate),
            ("flopsPerToken", flops.Total),
            ("flops", rate * flops.Total),
            ("secondsPerMicroBatch", microBatch),
            ("secondsBeside", beside),
            ("peakBytes", bench.Toy ? peak : peak - before),
            ("estimatedBytes", bench.Toy ? estimate.Total : estimate.Device),
            ("launchesPerMicroBatch", counts?[0]),
            ("waitsPerStep", counts?[1]),
            ("copiesPerStep", counts?[2]),
            ("readsPerStep", reads)
        );
    }

    private static (double Seconds, long Peak, StageMemory Estimate, StageFlops Flops, double[]? Counts, double Reads) Measure(
        Bench bench,
        string name,
        int microBatches
    )
    {
        var plan = Sizes.Plan(bench, name, microBatches);
        var made = new MadeUp(plan);
        double seconds = 0;
        double[]? counts = null;
        double reads = 0;
        var peak = bench.PeakBytes(() =>
        {
            using var training = made.Training(bench, plan);
            for (var i = 0; i < Warm; i++)
            {
                training.RunStep(CancellationToken.None);
            }

            var begun = Counts.Read();
            var readsBefore = training.DeviceReads;
            const int measured = 3;
            var watch = Stopwatch.StartNew();
            for (var i = 0; i < measured; i++)
            {
                // Ends with reading the loss, which waits for the device.
                training.RunStep(CancellationToken.None);
            }

            seconds = watch.Elapsed.TotalSeconds / measured;
            reads = (double)(training.DeviceReads - readsBefore) / measured;
            counts =
                begun is null || Counts.Read() is not { } now
                    ? null
                    :
                    [
                        (double)(now[0] - begun[0]) / measured / microBatches,
                        (double)(now[1] - begun[1]) / measured,
                        (double)(now[2] - begun[2]) / measured,
                    ];
        });
        var steps = new StageSteps(plan, made.Train.Length);
        return (seconds, peak, StageMemory.Of(plan, steps), StageFlops.Of(plan, steps), counts, reads);
    }

    /// <summary>Launches, waits and copies of this process, where the counting library (bench/gpu/count.c) was loaded before all
    /// others.</summary>
    private static unsafe class Counts
    {
        public static long[]? Read()
        {
            if (
                Environment.GetEnvironmentVariable("SLOWRUN_COUNT") is not { Length: > 0 } path
                || !NativeLibrary.TryLoad(path, out var library)
            )
            {
                return null;
            }

            var counts = new long[3];
            fixed (long* into = counts)
            {
                ((delegate* unmanaged<long*, void>)NativeLibrary.GetExport(library, "slowrun_counts"))(into);
            }

            return counts;
        }
    }
}
