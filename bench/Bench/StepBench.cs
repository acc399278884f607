using System.Diagnostics;
using System.Globalization;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;
using Slowrun.Training.Numerics;
using Slowrun.Training.Stages;

namespace Slowrun.Bench;

/// <summary>Times whole training steps.</summary>
internal static class StepBench
{
    public static int Run(IReadOnlyList<string> arguments)
    {
        var slots = Number(arguments, "--slots", 1);
        var count = Number(arguments, "--steps", 30);
        var model = new ModelRecipe();
        var stage = new StageRecipe
        {
            DeviceRows = Number(arguments, "--rows", 4),
            Loop = arguments.Contains("--loop") ? new LoopRecipe { Start = 3, End = 5, FromFraction = 0 } : null,
            Dropout = arguments.Contains("--no-dropout") ? 0 : 0.1,
        };
        var plan = new StagePlan
        {
            Id = new StageId(0, 0), Role = ChainRole.Members, Seed = 1, Model = model, Stage = stage, Evaluation = new(), Data = new(),
        };
        var tokens = new ushort[98_304];
        for (var i = 0; i < tokens.Length; i++)
        {
            tokens[i] = (ushort)(i * 7919 % 251);
        }

        var set = new ArrayTokenSet(tokens, [0], [.. Enumerable.Repeat(1, 257)]);
        var thread = WorkerThread.Start("bench", () =>
        {
            using var training = StageTraining.Begin(
                new StageInputs { Plan = plan, Train = set }, new ComputeDevices([.. Enumerable.Range(0, slots).Select(i => $"cpu:{i}")]));
            for (var i = 0; i < 5; i++)
            {
                training.RunStep(CancellationToken.None);
            }

            var watch = Stopwatch.StartNew();
            var before = Environment.CpuUsage.TotalTime;
            for (var i = 0; i < count; i++)
            {
                training.RunStep(CancellationToken.None);
            }

            Console.WriteLine($"{watch.Elapsed.TotalMilliseconds / count:F2} ms a step, {stage.BatchTokens * count / watch.Elapsed.TotalSeconds:F0} tokens/s, "
                + $"{(Environment.CpuUsage.TotalTime - before).TotalMilliseconds / count:F2} ms of processor time");
        });
        thread.Join();
        return 0;
    }

    private static int Number(IReadOnlyList<string> arguments, string name, int otherwise)
    {
        var at = arguments.ToList().IndexOf(name);
        return at < 0 ? otherwise : int.Parse(arguments[at + 1], CultureInfo.InvariantCulture);
    }
}
