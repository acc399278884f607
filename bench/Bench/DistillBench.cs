using System.Diagnostics;
using System.Globalization;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;
using Slowrun.Training.Devices;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using Slowrun.Training.Stages;
using static TorchSharp.torch;

namespace Slowrun.Bench;

/// <summary>
/// What an ensemble that teaches costs: steps untaught, taught by one model that stays, and by ensembles whose members take turns in one
/// buffer; and how much of a member's time is bringing its weights along.
/// </summary>
internal static class DistillBench
{
    private static readonly (string Name, ModelRecipe Model, StageRecipe Stage)[] Sizes =
    [
        (
            "demo-quick",
            new ModelRecipe
            {
                SequenceLength = 64,
                Layers = 4,
                Heads = 2,
                Width = 32,
            },
            new StageRecipe { BatchTokens = 512 }
        ),
        ("demo", new ModelRecipe(), new StageRecipe()),
        (
            "d256-v4096",
            new ModelRecipe
            {
                Width = 256,
                SequenceLength = 256,
                VocabSize = 4096,
            },
            new StageRecipe { BatchTokens = 4096, DeviceRows = 8 }
        ),
    ];

    public static int Run(IReadOnlyList<string> arguments)
    {
        int[] ensembles =
            arguments.Count == 0 ? [1, 4, 16] : [.. arguments.Select(argument => int.Parse(argument, CultureInfo.InvariantCulture))];
        WorkerThread
            .RunAsync(
                "bench",
                () =>
                {
                    Console.WriteLine(
                        $"{"size", -12} {"taught by", -18} {"ms/step", 9} {"of untaught", 12} {"ms/member", 10} {"weights along", 14}"
                    );
                    foreach (var (name, model, stage) in Sizes)
                    {
                        Measure(name, model, stage, ensembles);
                    }
                }
            )
            .GetAwaiter()
            .GetResult();
        return 0;
    }

    private static void Measure(string name, ModelRecipe model, StageRecipe stage, int[] ensembles)
    {
        var plan = new StagePlan
        {
            Id = new StageId(0, 0),
            Role = ChainRole.Members,
            Seed = 1,
            Model = model,
            Stage = stage with { Epochs = 1000, Distillation = new() },
            Evaluation = new(),
            Data = new(),
        };
        var tokens = Enumerable.Range(0, 4 * stage.BatchTokens).Select(i => (ushort)(i * 7919L % model.VocabSize)).ToArray();
        var inputs = new StageInputs { Plan = plan, Train = new ArrayTokenSet(tokens, [0], [.. Enumerable.Repeat(1, model.VocabSize)]) };
        using var parts = new StepParts(plan, StepPath.Composed);
        var weights = parts.Weights();
        var table = ParameterTable.Of(model);
        using var parameters = new FlatParameters(ParameterGroups.Layout(table, ParameterGroups.Of(table, stage.Optimizer)), CPU);
        var load = Seconds(() => parameters.Load(weights));
        var untaught = Step(inputs);
        Row("nobody", untaught, null);
        Row(
            "a model that stays",
            Step(inputs with { Plan = plan with { Id = new StageId(0, 1), Teacher = new StageId(0, 0) }, Teacher = weights }),
            1
        );
        foreach (var members in ensembles)
        {
            var teacher = new TeacherRecipe
            {
                Run = "bench",
                Model = model,
                Members = [.. Enumerable.Repeat(new TeacherMemberRecipe { Sha256 = new string('0', 64), Weight = 1.0 / members }, members)],
            };
            Row(
                $"{members} members",
                Step(
                    inputs with
                    {
                        Plan = plan with { TeacherEnsemble = teacher },
                        TeacherMembers = [.. Enumerable.Repeat(weights, members)],
                    }
                ),
                members
            );
        }

        void Row(string by, double seconds, int? members)
        {
            var each = (seconds - untaught) / members;
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{name, -12} {by, -18} {seconds * 1000, 9:F1} {seconds / untaught, 12:F2} {each * 1000, 10:F2} {(by.EndsWith("members", StringComparison.Ordinal) ? load / each : null), 14:P1}"
                )
            );
        }
    }

    private static double Step(StageInputs inputs)
    {
        using var training = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        return Seconds(() => training.RunStep(CancellationToken.None));
    }

    /// <summary>The median, since others may want the processor.</summary>
    private static double Seconds(Action body)
    {
        body();
        var times = new List<double>();
        for (var i = 0; i < 7; i++)
        {
            var watch = Stopwatch.StartNew();
            body();
            times.Add(watch.Elapsed.TotalSeconds);
        }

        return times.Order().ElementAt(times.Count / 2);
    }
}
