using System.Diagnostics;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Tensors;
using Slowrun.Training.Devices;
using Slowrun.Training.Evaluation;
using Slowrun.Training.Numerics;
using Slowrun.Training.Stages;

namespace Slowrun.Bench;

/// <summary>Trains a preset's chains by the engine alone, one thread a chain, and prints what the mixture is worth.</summary>
internal static class Sweep
{
    public static int Run(IReadOnlyList<string> arguments)
    {
        var text = ByteText.Read(arguments[0]);
        var plan = new RunPlan(Preset(arguments.ElementAtOrDefault(1) ?? "demo", arguments.Skip(2)));
        var data = plan.Recipe.Data;
        var (train, validation) = (
            ByteText.Set(text.AsSpan(0, (int)data.TrainTokens)),
            ByteText.Set(text.AsSpan(text.Length - (int)data.ValidationTokens))
        );
        var scores = new SortedDictionary<int, float[]>();
        var order = plan.Stages.ToList();
        var chains = order
            .GroupBy(stage => stage.Id.Chain)
            .Select(chain =>
                WorkerThread.Start(
                    $"chain {chain.Key}",
                    () =>
                    {
                        IReadOnlyList<TensorData>? teacher = null;
                        foreach (var stage in chain)
                        {
                            var watch = Stopwatch.StartNew();
                            using var training = StageTraining.Begin(
                                new StageInputs
                                {
                                    Plan = stage,
                                    Train = train,
                                    Validation = validation,
                                    Teacher = teacher,
                                },
                                ComputeDevices.SingleCpu
                            );
                            double loss = 0;
                            while (training.Step < training.Steps)
                            {
                                loss = training.RunStep(CancellationToken.None).LossNats;
                            }

                            teacher = training.Snapshot();
                            var trained = watch.Elapsed;
                            var p = MemberScorer.Score(stage, teacher, validation, ComputeDevices.SingleCpu, CancellationToken.None);
                            lock (scores)
                            {
                                scores[order.IndexOf(stage)] = p;
                                Console.WriteLine(
                                    $"{stage.Id} {stage.Role}: {training.Steps} steps in {trained.TotalSeconds:F1} s ({trained.TotalMilliseconds / training.Steps:F1} ms a step), "
                                        + $"last training loss {loss:F4}, validation {LossNats(p):F4}"
                                );
                            }
                        }
                    }
                )
            )
            .ToList();
        chains.ForEach(chain => chain.Join());

        var mixed = new double[validation.Length - 1];
        var members = 0;
        foreach (var (index, p) in scores.Where(score => order[score.Key].Role == ChainRole.Members))
        {
            members++;
            for (var i = 0; i < p.Length; i++)
            {
                mixed[i] += p[i];
            }

            Console.WriteLine($"ensemble of {members}: {mixed.Average(sum => -Math.Log(Math.Max(sum / members, 1e-12))):F4}");
        }

        return 0;
    }

    private static double LossNats(float[] p) => p.Average(value => -Math.Log(Math.Max(value, 1e-12)));

    private static Recipe Preset(string name, IEnumerable<string> settings) =>
        SpecReader.FromPreset(name, new SpecOverrides { Set = [.. settings] }).Recipe;
}
