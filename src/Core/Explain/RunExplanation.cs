using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;

namespace Slowrun.Core.Explain;

/// <summary>What a spec needs of machines: computed before anything starts, and without a model in memory.</summary>
public sealed record RunExplanation
{
    /// <summary>Seconds between a spot machine's preemption notice and its end, on Azure.</summary>
    public const double NoticeSeconds = 30;

    public required string Name { get; init; }

    public required ParameterCounts Parameters { get; init; }

    /// <summary>Null: no other run's ensemble teaches.</summary>
    public TeacherExplanation? Teacher { get; init; }

    public required long TrainTokens { get; init; }

    public required IReadOnlyList<StageExplanation> Stages { get; init; }

    /// <summary>Tokens trained on, over all stages.</summary>
    public required long Tokens { get; init; }

    public required double Flops { get; init; }

    /// <summary>Stages that can train at once: one a chain.</summary>
    public required int ParallelStages { get; init; }

    /// <summary>Slots of one machine that a stage can use: its lanes.</summary>
    public required int SlotsPerStage { get; init; }

    /// <summary>Of the largest stage.</summary>
    public required long CheckpointBytes { get; init; }

    public required double UploadBytesPerSecond { get; init; }

    public required double UploadSeconds { get; init; }

    public required bool UploadFitsNotice { get; init; }

    /// <summary>With as many slots as were said; null where no speed was given.</summary>
    public double? WallSeconds { get; init; }

    public double? SlotHours { get; init; }

    /// <summary>Null where no price was given.</summary>
    public double? Cost { get; init; }

    /// <param name="manifestTrainTokens">Of the data itself; null: what the recipe asks for.</param>
    /// <param name="storedBytes">What a checkpoint of such tensors takes in the store.</param>
    public static RunExplanation Of(
        RunSpec spec,
        long? manifestTrainTokens,
        ExplainRates rates,
        Func<IReadOnlyList<TensorLayout>, long> storedBytes
    )
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(rates);
        var plan = new RunPlan(spec.Recipe);
        var trainTokens = manifestTrainTokens ?? spec.Recipe.Data.TrainTokens;
        // Hundreds of stages may differ in nothing but their number.
        var known = new Dictionary<StagePlan, StageExplanation>();
        var stages = plan
            .Stages.Select(stage =>
            {
                var key = Anonymous(stage);
                return (
                    known.TryGetValue(key, out var same) ? same : known[key] = StageExplanation.Of(stage, trainTokens, storedBytes)
                ) with
                {
                    Id = stage.Id,
                };
            })
            .ToList();
        var checkpoint = stages.Max(stage => stage.CheckpointBytes);
        var chains = plan
            .Stages.Zip(stages)
            .GroupBy(stage => stage.First.Id.Chain, stage => stage.Second.Tokens)
            .Select(chain => chain.Sum())
            .ToList();
        double? slotHours = rates.TokensPerSecond is { } speed ? stages.Sum(stage => stage.Tokens) / speed / 3600 : null;
        return new RunExplanation
        {
            Name = spec.Name,
            Parameters = ParameterCounts.Of(spec.Recipe.Model),
            Teacher = spec.Recipe.Teacher is { } teacher ? TeacherExplanation.Of(teacher) : null,
            TrainTokens = trainTokens,
            Stages = stages,
            Tokens = stages.Sum(stage => stage.Tokens),
            Flops = stages.Sum(stage => stage.Tokens * stage.FlopsPerToken.Total),
            ParallelStages = chains.Count,
            SlotsPerStage = plan.Stages.Max(stage => stage.Stage.Lanes),
            CheckpointBytes = checkpoint,
            UploadBytesPerSecond = rates.UploadBytesPerSecond,
            UploadSeconds = checkpoint / rates.UploadBytesPerSecond,
            UploadFitsNotice = checkpoint / rates.UploadBytesPerSecond <= NoticeSeconds,
            WallSeconds = rates.TokensPerSecond is { } tokensPerSecond
                ? Longest(chains, rates.Slots ?? chains.Count) / tokensPerSecond
                : null,
            SlotHours = slotHours,
            Cost = slotHours * rates.PricePerSlotHour,
        };
    }

    /// <summary>A stage without what its needs do not follow from: which one it is, its seeds, and which stages are its teachers of a
    /// kind.</summary>
    private static StagePlan Anonymous(StagePlan stage) =>
        stage with
        {
            Id = default,
            Seed = 0,
            OrderSeed = null,
            Predecessor = stage.Predecessor is null ? null : default(StageId),
            Teacher = stage.Teacher is null ? null : default(StageId),
            EarlierTeachers =
            [
                .. stage
                    .EarlierTeachers.GroupBy(earlier => (earlier.Loop, earlier.Recurrence))
                    .Select(alike => new EarlierModel(default, alike.Sum(one => one.Models), alike.Key.Loop, alike.Key.Recurrence)),
            ],
        };

    /// <summary>The fullest slot when each chain, the longest first, goes to the emptiest one.</summary>
    private static double Longest(IEnumerable<long> chains, int slots)
    {
        var load = new double[slots];
        foreach (var chain in chains.OrderDescending())
        {
            load[Array.IndexOf(load, load.Min())] += chain;
        }

        return load.Max();
    }

    public bool Equals(RunExplanation? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <summary>What a machine can do, as the user says.</summary>
/// <param name="TokensPerSecond">Training tokens that one slot does in a second, as a mean over the run.</param>
/// <param name="PricePerSlotHour">In whatever currency.</param>
/// <param name="Slots">Null: one for each chain.</param>
public sealed record ExplainRates(
    double UploadBytesPerSecond,
    double? TokensPerSecond = null,
    double? PricePerSlotHour = null,
    int? Slots = null
);

/// <summary>How many numbers the model learns, by what they are for.</summary>
public sealed record ParameterCounts(
    long Total,
    long Embedding,
    long Unembedding,
    long Attention,
    long Mlp,
    long ValueProjections,
    long MtpBlock,
    long ScalarsAndMixes
)
{
    public static ParameterCounts Of(ModelRecipe model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var table = ParameterTable.Of(model);
        var mtp = table.Where(parameter => parameter.Name.StartsWith("mtp_", StringComparison.Ordinal)).ToList();
        var rest = table.Except(mtp).ToList();
        var counted = new ParameterCounts(
            Sum(table),
            Sum(rest.Where(parameter => parameter.Role == ParameterRole.Embedding)),
            Sum(rest.Where(parameter => parameter.Role == ParameterRole.Unembedding)),
            Sum(rest.Where(parameter => IsMatrix(parameter) && Contains(parameter, ".attn.", "_attns."))),
            Sum(rest.Where(parameter => IsMatrix(parameter) && Contains(parameter, ".mlp.", "_mlp."))),
            Sum(rest.Where(parameter => parameter.Name.StartsWith("ve_projs.", StringComparison.Ordinal))),
            Sum(mtp),
            0
        );
        return counted with
        {
            ScalarsAndMixes =
                counted.Total
                - counted.Embedding
                - counted.Unembedding
                - counted.Attention
                - counted.Mlp
                - counted.ValueProjections
                - counted.MtpBlock,
        };
    }

    private static bool IsMatrix(ParameterSpec parameter) => parameter.Role is ParameterRole.InputMatrix or ParameterRole.OutputMatrix;

    private static bool Contains(ParameterSpec parameter, string own, string shared) =>
        parameter.Name.Contains(own, StringComparison.Ordinal) || parameter.Name.Contains(shared, StringComparison.Ordinal);

    private static long Sum(IEnumerable<ParameterSpec> parameters) => parameters.Sum(parameter => parameter.Count);
}
