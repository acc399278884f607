using Slowrun.Training.Devices;
using Slowrun.Training.Stages;

namespace Slowrun.Gpu;

/// <summary>
/// Whether several workers give the bytes of one: each has its own copy of the parameters, its part of the optimizer and its sum of lanes.
/// They share the devices that there are, be it one.
/// </summary>
internal static class WorkersPart
{
    private const int Steps = 3;
    private const int Most = 4;

    public static int Run(Bench bench)
    {
        var plan = Sizes.Plan(bench, "15m", Most, layers: 4, lanes: Most);
        // All of them may be on one device.
        var rows = Math.Max(1, plan.Stage.DeviceRows / Most);
        plan = plan with
        {
            Stage = plan.Stage with { DeviceRows = rows, BatchTokens = plan.Stage.BatchTokens / plan.Stage.DeviceRows * rows },
        };
        var inputs = new StageInputs { Plan = plan, Train = MadeUp.Tokens(plan) };
        var devices = bench.Devices;
        List<string> hashes = [];
        List<double> shares = [];
        for (var workers = 1; workers <= Most; workers *= 2)
        {
            var slots = Enumerable.Range(0, workers).Select(i => bench.Toy ? $"cpu:{i}" : $"cuda:{i % devices}");
            using var training = StageTraining.Begin(
                inputs,
                new ComputeDevices([.. slots]),
                replicate: workers > 1,
                bench.Path,
                bench.KernelsOf
            );
            while (training.Step < Steps)
            {
                training.RunStep(CancellationToken.None);
            }

            hashes.Add(HashPart.Of(training));
            var work = training.Divided.Select(part => part.Work).ToList();
            shares.Add((double)work.Max() / work.Sum());
        }

        return Bench.Tell(
            "workers",
            $"15m, 4 layers, {devices} device{(devices == 1 ? "" : "s")}{(bench.Path is null ? "" : ", by kernels")}",
            ("sha256", hashes),
            ("equal", hashes.Distinct().Count() == 1),
            ("workOfBusiest", shares)
        );
    }
}
