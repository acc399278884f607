using System.Globalization;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;
using Slowrun.Training.Devices;
using Slowrun.Training.Numerics;
using Slowrun.Training.Stages;

namespace Slowrun.Bench;

/// <summary>Trains for long and prints the process's memory: it must not grow with the steps.</summary>
internal static class Soak
{
    public static int Run(IReadOnlyList<string> arguments)
    {
        var count = arguments.Count > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : 2000;
        var plan = new StagePlan
        {
            Id = new StageId(0, 0),
            Role = ChainRole.Members,
            Seed = 1,
            Model = new(),
            Stage = new StageRecipe { Epochs = 1000 },
            Evaluation = new(),
            Data = new(),
        };
        var tokens = Enumerable.Range(0, 20_000).Select(i => (ushort)(i * 7919L % 257)).ToArray();
        var inputs = new StageInputs { Plan = plan, Train = new ArrayTokenSet(tokens, [0], [.. Enumerable.Repeat(1, 257)]) };
        WorkerThread
            .RunAsync(
                "soak",
                () =>
                {
                    using var training = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
                    while (training.Step < count)
                    {
                        training.RunStep(CancellationToken.None);
                        if (training.Step % (count / 10) == 0)
                        {
                            Console.WriteLine(
                                $"step {training.Step}: {Environment.WorkingSet >> 20} MiB resident, {GC.GetTotalMemory(false) >> 20} MiB managed, "
                                    + $"{GC.CollectionCount(0)}/{GC.CollectionCount(1)}/{GC.CollectionCount(2)} collections"
                            );
                        }
                    }
                }
            )
            .GetAwaiter()
            .GetResult();
        return 0;
    }
}
