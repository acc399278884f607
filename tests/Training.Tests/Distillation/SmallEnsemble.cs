using System.Runtime.InteropServices;
using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Training.Parameters;
using Slowrun.Training.Stages;
using Slowrun.Training.Tests.Stages;

namespace Slowrun.Training.Tests.Distillation;

/// <summary>Members with weights by chance, which predict something, and a small stage that they teach.</summary>
internal static class SmallEnsemble
{
    /// <summary>Another model than the student's.</summary>
    public static ModelRecipe Model { get; } = SmallStage.Model with { SequenceLength = 24, Layers = 4, Width = 64 };

    /// <summary>Three members: one is looped, one a mixture of two models.</summary>
    public static TeacherRecipe Recipe { get; } =
        new()
        {
            Run = "teacher",
            Model = Model,
            Members =
            [
                new TeacherMemberRecipe
                {
                    Sha256 = new string('a', 64),
                    Weight = 0.5,
                    Loop = new LoopRecipe
                    {
                        Start = 2,
                        End = 4,
                        Replays = 2,
                    },
                },
                new TeacherMemberRecipe
                {
                    Sha256 = new string('b', 64),
                    Weight = 0.3,
                    Models = 2,
                },
                new TeacherMemberRecipe
                {
                    Sha256 = new string('c', 64),
                    Weight = 0.2,
                    Recurrence = new RecurrenceRecipe { Passes = 2 },
                },
            ],
        };

    /// <summary>As <see cref="Recipe"/>, by the mean of logits; no member is a mixture.</summary>
    public static TeacherRecipe OfLogits { get; } =
        Recipe with
        {
            Average = EnsembleAverage.Logits,
            Members = [.. Recipe.Members.Select(member => member with { Models = 1 })],
        };

    public static StageInputs Inputs(TeacherRecipe? teacher = null, StageRecipe? stage = null)
    {
        var inputs = SmallStage.Inputs(
            (stage ?? SmallStage.Recipe) with
            {
                Distillation = stage?.Distillation ?? new DistillationRecipe { Alpha = 0.6, Temperature = 1.5 },
            }
        );
        var recipe = teacher ?? Recipe;
        return inputs with { Plan = inputs.Plan with { TeacherEnsemble = recipe }, TeacherMembers = Snapshots(recipe) };
    }

    public static IReadOnlyList<IReadOnlyList<TensorData>> Snapshots(TeacherRecipe teacher) =>
        [
            .. teacher.Members.Select(
                (member, m) =>
                    (IReadOnlyList<TensorData>)
                        [
                            .. Enumerable
                                .Range(0, member.Models)
                                .SelectMany(i =>
                                    Weights(teacher.Model, (10 * m) + i)
                                        .Select(tensor =>
                                            i == 0 ? tensor : tensor with { Name = CheckpointNames.Late(i - 1) + tensor.Name }
                                        )
                                ),
                        ]
            ),
        ];

    public static IReadOnlyList<TensorData> Weights(ModelRecipe model, int seed)
    {
        var random = new Random(seed);
        return
        [
            .. ParameterTable
                .Of(model)
                .Select(parameter =>
                {
                    var values = new float[parameter.Count];
                    for (var i = 0; i < values.Length; i++)
                    {
                        values[i] = random.NextSingle() - 0.5f;
                    }

                    return new TensorData(
                        parameter.Name,
                        ElementType.F32,
                        parameter.Shape,
                        MemoryMarshal.AsBytes(values.AsSpan()).ToArray()
                    );
                }),
        ];
    }
}
