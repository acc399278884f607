using System.Runtime.InteropServices;
using Slowrun.Core.Explain;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Tensors;
using Slowrun.Core.Tokens;
using Slowrun.Training.Stages;

namespace Slowrun.Gpu;

/// <summary>Inputs of no meaning that are there at once: drawing 1.8 billion weights on the host would take longer than
/// measuring.</summary>
internal sealed class MadeUp
{
    private readonly byte[] pattern;
    private readonly byte[] zeros;

    public MadeUp(StagePlan plan)
    {
        Train = Tokens(plan);
        State = new StateTensors(plan, StageSteps.Of(plan, Train.Length));
        // One of each for all tensors: a piece is 1 GiB at most.
        var longest = checked((int)State.All.Concat(Shapes(plan.Model)).Max(tensor => tensor.LengthBytes));
        (pattern, zeros) = (new byte[longest], new byte[longest]);
        Parallel.For(
            0,
            (longest / sizeof(float) / Stretch) + 1,
            i =>
            {
                var random = new Random(i);
                var numbers = MemoryMarshal.Cast<byte, float>(pattern.AsSpan())[
                    (i * Stretch)..Math.Min((i + 1) * Stretch, longest / sizeof(float))
                ];
                foreach (ref var number in numbers)
                {
                    number = (random.NextSingle() - 0.5f) / 16;
                }
            }
        );
    }

    private const int Stretch = 1 << 20;

    public ArrayTokenSet Train { get; }

    public StateTensors State { get; }

    /// <summary>A training that stands before its first step with made-up weights.</summary>
    public StageTraining Training(Bench bench, StagePlan plan)
    {
        var teacher = plan.Teacher is null ? null : Shapes(plan.Model).Select(shape => Filled(shape, pattern)).ToList();
        var weights = State.Weights.ToHashSet();
        return StageTraining.Resume(
            new StageInputs
            {
                Plan = plan,
                Train = Train,
                Teacher = teacher,
            },
            bench.Compute,
            [.. State.All.Select(tensor => Filled(tensor, weights.Contains(tensor) ? pattern : zeros))],
            bench.Path,
            bench.KernelsOf
        );
    }

    public static ArrayTokenSet Tokens(StagePlan plan)
    {
        var (model, stage) = (plan.Model, plan.Stage);
        var rows = Math.Max(2 * stage.Lanes * stage.DeviceRows, stage.BatchTokens / model.SequenceLength);
        var tokens = new ushort[rows * (model.SequenceLength + 1)];
        for (var i = 0; i < tokens.Length; i++)
        {
            tokens[i] = (ushort)(i * 7919L % model.VocabSize);
        }

        return new ArrayTokenSet(tokens, [0], [.. Enumerable.Repeat(1, model.VocabSize)]);
    }

    private static IEnumerable<TensorLayout> Shapes(Core.Recipes.ModelRecipe model) =>
        ParameterTable.Of(model).Select(parameter => new TensorLayout(parameter.Name, ElementType.F32, [.. parameter.Shape]));

    private static TensorData Filled(TensorLayout tensor, byte[] from) =>
        new(tensor.Name, tensor.Type, tensor.Shape, from.AsMemory(0, (int)tensor.LengthBytes));
}
