using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;
using Slowrun.Grains.Telemetry;
using Slowrun.Training.Devices;
using Slowrun.Training.Numerics;
using Slowrun.Training.Stages;

namespace Slowrun.Bench;

/// <summary>What a training step's measurements cost, with and without a collector that listens, as a share of a step of the demo's size on
/// one core.</summary>
internal static class TelemetryBench
{
    private const int Records = 1_000_000;
    private const int Steps = 50;

    public static int Run()
    {
        var silent = NanosecondsPerStep();
        double heard;
        using (
            Sdk.CreateMeterProviderBuilder()
                .AddMeter(Instruments.Name)
                .AddReader(new PeriodicExportingMetricReader(new Nowhere(), exportIntervalMilliseconds: 1000))
                .Build()
        )
        {
            heard = NanosecondsPerStep();
        }

        var step = StepSeconds();
        Console.WriteLine(
            $"a step's measurements: {silent:F0} ns with nobody listening, {heard:F0} ns with a collector that reads once a second"
        );
        Console.WriteLine(
            $"a training step of the demo's size: {step * 1000:F2} ms; its measurements are {heard / 1e9 / step:P4} of it (limit 0.5 %)"
        );
        return heard / 1e9 / step < 0.005 ? 0 : 1;
    }

    private static double NanosecondsPerStep()
    {
        var telemetry = new StageTelemetry("bench", "chain0/stage0");
        for (var i = 0; i < Records / 10; i++)
        {
            telemetry.Step(TimeSpan.FromMilliseconds(50), 4096);
        }

        var watch = Stopwatch.StartNew();
        for (var i = 0; i < Records; i++)
        {
            telemetry.Step(TimeSpan.FromMilliseconds(50), 4096);
        }

        return watch.Elapsed.TotalNanoseconds / Records;
    }

    private static double StepSeconds()
    {
        var (model, stage) = (new ModelRecipe(), new StageRecipe { Epochs = 1000 });
        var plan = new StagePlan
        {
            Id = new StageId(0, 0),
            Role = ChainRole.Members,
            Seed = 1,
            Model = model,
            Stage = stage,
            Evaluation = new(),
            Data = new(),
        };
        var tokens = Enumerable.Range(0, 2 * stage.BatchTokens).Select(i => (ushort)(i * 7919L % model.VocabSize)).ToArray();
        var inputs = new StageInputs { Plan = plan, Train = new ArrayTokenSet(tokens, [0], [.. Enumerable.Repeat(1, model.VocabSize)]) };
        double seconds = 0;
        WorkerThread
            .RunAsync(
                "bench",
                () =>
                {
                    using var training = StageTraining.Begin(inputs, new ComputeDevices(["cpu:0"]));
                    training.RunStep(CancellationToken.None);
                    var watch = Stopwatch.StartNew();
                    for (var i = 0; i < Steps; i++)
                    {
                        training.RunStep(CancellationToken.None);
                    }

                    seconds = watch.Elapsed.TotalSeconds / Steps;
                }
            )
            .GetAwaiter()
            .GetResult();
        return seconds;
    }

    private sealed class Nowhere : BaseExporter<Metric>
    {
        public override ExportResult Export(in Batch<Metric> batch) => ExportResult.Success;
    }
}
