using System.Diagnostics;
using System.Globalization;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;
using Slowrun.Training.Devices;
using Slowrun.Training.Numerics;
using Slowrun.Training.Stages;
using static TorchSharp.torch;

namespace Slowrun.Bench;

/// <summary>
/// Times training steps of some sizes: record 9's architecture plain, looped and distilling, in tokens/s, GFLOP/s, and as a share of what a
/// large float32 matrix product reaches in the same process.
/// </summary>
internal static class StepBench
{
    public static readonly (string Name, ModelRecipe Model, StageRecipe Stage)[] Sizes =
    [
        ("demo", new ModelRecipe(), new StageRecipe()),
        (
            "d256-v4096",
            new ModelRecipe
            {
                Width = 256,
                SequenceLength = 256,
                VocabSize = 4096,
            },
            Large
        ),
        (
            "d256-v50257",
            new ModelRecipe
            {
                Width = 256,
                SequenceLength = 256,
                VocabSize = 50257,
            },
            Large
        ),
    ];

    private static StageRecipe Large =>
        new()
        {
            BatchTokens = 4096,
            DeviceRows = 8,
            Lanes = 2,
            Dropout = 0.1,
        };

    public static int Run(IReadOnlyList<string> arguments)
    {
        var count = Number(arguments, "--steps", 5);
        var slots = Number(arguments, "--slots", 1);
        StepPath[] paths = arguments.ToList().IndexOf("--path") is >= 0 and var at
            ? [Enum.Parse<StepPath>(arguments[at + 1], ignoreCase: true)]
            : [StepPath.Composed, StepPath.Fused];
        var wanted = arguments.Where(argument => Sizes.Any(size => size.Name == argument)).ToList();
        WorkerThread
            .RunAsync(
                "bench",
                () =>
                {
                    var peak = GemmGigaflops();
                    Console.WriteLine(
                        $"float32 matrix product, 1024 cubed, one thread: {peak:F0} GFLOP/s; {slots} slot(s), {count} steps each"
                    );
                    Console.WriteLine(
                        $"{"size", -12} {"pass", -12} {"path", -10} {"ms/step", 9} {"tokens/s", 10} {"GFLOP/s", 9} {"of peak", 8} {"forward", 8} {"backward*", 9} {"optimizer", 10}"
                    );
                    foreach (var (name, model, stage) in Sizes.Where(size => wanted.Count == 0 || wanted.Contains(size.Name)))
                    {
                        var loop = new LoopRecipe
                        {
                            Start = 3,
                            End = 5,
                            FromFraction = 0,
                        };
                        foreach (
                            var (pass, with) in new[]
                            {
                                ("plain", stage),
                                ("looped", stage with { Loop = loop }),
                                ("distilling", stage with { Distillation = new DistillationRecipe() }),
                            }
                        )
                        {
                            foreach (var path in paths)
                            {
                                // Right before: what else the machine does changes by the minute.
                                Measure(name, pass, model, with, count, slots, GemmGigaflops(), path);
                            }
                        }
                    }
                    Console.WriteLine("* what is left: backward pass, teacher, gradient sums");
                }
            )
            .GetAwaiter()
            .GetResult();
        return 0;
    }

    private static void Measure(
        string name,
        string pass,
        ModelRecipe model,
        StageRecipe stage,
        int count,
        int slots,
        double peak,
        StepPath path
    )
    {
        var taught = stage.Distillation is not null;
        var plan = new StagePlan
        {
            Id = new StageId(0, 1),
            Role = ChainRole.Members,
            Seed = 1,
            Model = model,
            Stage = stage with { Epochs = 1000 },
            Evaluation = new(),
            Data = new(),
        };
        var tokens = Enumerable
            .Range(0, 40 * (stage.BatchTokens / model.SequenceLength) * (model.SequenceLength + 1) / 20)
            .Select(i => (ushort)(i * 7919L % model.VocabSize))
            .ToArray();
        var inputs = new StageInputs { Plan = plan, Train = new ArrayTokenSet(tokens, [0], [.. Enumerable.Repeat(1, model.VocabSize)]) };
        var devices = new ComputeDevices([.. Enumerable.Range(0, slots).Select(i => $"cpu:{i}")]);
        using var parts = new StepParts(plan, path);
        if (taught)
        {
            inputs = inputs with { Plan = plan with { Teacher = new StageId(0, 0) }, Teacher = parts.Weights() };
        }

        using var training = StageTraining.Begin(inputs, devices, replicate: false, path);
        training.RunStep(CancellationToken.None);
        var seconds = Seconds(count, () => training.RunStep(CancellationToken.None));
        var gigaflops = GigaflopsPerStep(model, stage, taught) / seconds;
        var microBatches = stage.BatchTokens / (stage.DeviceRows * model.SequenceLength);
        var forward = Seconds(count, parts.Forward) * microBatches / slots / seconds;
        var optimizer = Seconds(count, parts.Optimize) / seconds;
        Console.WriteLine(
            $"{name, -12} {pass, -12} {path, -10} {seconds * 1000, 9:F1} {stage.BatchTokens / seconds, 10:F0} {gigaflops, 9:F1} {gigaflops / peak / slots, 8:P0} "
                + $"{forward, 8:P0} {1 - forward - optimizer, 9:P0} {optimizer, 10:P0}"
        );
    }

    private static double Seconds(int count, Action body)
    {
        body();
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < count; i++)
        {
            body();
        }

        return watch.Elapsed.TotalSeconds / count;
    }

    /// <summary>Of the matrix products and attention alone: 2 for each weight and token forward, twice that backward.</summary>
    private static double GigaflopsPerStep(ModelRecipe model, StageRecipe stage, bool taught)
    {
        double width = model.Width,
            length = model.SequenceLength;
        var layer = (4 * width * width) + (3 * width * ParameterTable.HiddenWidth(model)) + (width * length);
        var loops = stage.Loop is { } loop ? loop.Replays * (loop.End - loop.Start) : 0;
        var forward = 2 * (((model.Layers + loops) * layer) + (width * model.VocabSize) + (model.Layers / 2 * width * width));
        return stage.BatchTokens * forward * (taught ? 4 : 3) / 1e9;
    }

    public static double GemmGigaflops()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (ones(1024, 1024), ones(1024, 1024));
        a.mm(b);
        var watch = Stopwatch.StartNew();
        const int times = 10;
        for (var i = 0; i < times; i++)
        {
            using var result = a.mm(b);
        }

        return times * 2 * Math.Pow(1024, 3) / watch.Elapsed.TotalSeconds / 1e9;
    }

    private static int Number(IReadOnlyList<string> arguments, string name, int otherwise)
    {
        var at = arguments.ToList().IndexOf(name);
        return at < 0 ? otherwise : int.Parse(arguments[at + 1], CultureInfo.InvariantCulture);
    }
}
