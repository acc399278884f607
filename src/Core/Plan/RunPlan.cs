using Slowrun.Core.Recipes;
using Slowrun.Core.Schedules;

namespace Slowrun.Core.Plan;

/// <summary>A recipe unrolled into its stages, in (chain, stage) order.</summary>
public sealed class RunPlan
{
    private readonly Dictionary<StageId, StagePlan> byId;
    private readonly HashSet<StageId> judgedOnFitness;

    public RunPlan(Recipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        Recipe = recipe;
        Stages = [.. recipe.Chains.SelectMany((chain, c) => Chain(recipe, chain, c))];
        byId = Stages.ToDictionary(stage => stage.Id);
        HasMembers = Stages.Any(stage => stage.Role == ChainRole.Members);
        judgedOnFitness =
            recipe.Ensemble.Selection is not null ? [.. Members.Select(member => member.Id)]
            : recipe.Data.FitnessTokens > 0 && !HasMembers ? [.. Stages.Select(stage => stage.Id)]
            : [];
    }

    public Recipe Recipe { get; }

    public IReadOnlyList<StagePlan> Stages { get; }

    /// <summary>Stages whose snapshots the ensemble mixes, in order.</summary>
    public IEnumerable<StagePlan> Members =>
        Stages.Where(stage => stage.Role == ChainRole.Members && stage.Id.Stage >= Recipe.Ensemble.ExcludeFirstStages);

    /// <summary>False where all chains are baselines: there is no ensemble then, and what is chosen among them is chosen on the fitness
    /// set.</summary>
    public bool HasMembers { get; }

    /// <summary>Whether any stage's snapshot is scored on the fitness set too.</summary>
    public bool JudgesOnFitness => judgedOnFitness.Count > 0;

    /// <summary>Whether the stage's snapshot is scored on the fitness set too, since members or baselines are chosen there.</summary>
    public bool IsJudgedOnFitness(StageId id) => judgedOnFitness.Contains(id);

    public bool Has(StageId id) => byId.ContainsKey(id);

    /// <exception cref="KeyNotFoundException">The run has no such stage.</exception>
    public StagePlan this[StageId id] =>
        byId.TryGetValue(id, out var stage)
            ? stage
            : throw new KeyNotFoundException($"There is no stage '{id}'; the run has {string.Join(", ", Stages.Select(s => s.Id))}.");

    private static IEnumerable<StagePlan> Chain(Recipe recipe, ChainRecipe chain, int c)
    {
        // One array for all stages, each of which sees those before it: chains have up to thousands.
        var models = new EarlierModel[chain.Stages];
        for (var s = 0; s < chain.Stages; s++)
        {
            var stage = Stage(recipe, chain, c, s, new ArraySegment<EarlierModel>(models, 0, s));
            models[s] = EarlierModel.Of(stage.Id, stage.Stage);
            yield return stage;
        }
    }

    private static StagePlan Stage(Recipe recipe, ChainRecipe chain, int c, int s, ArraySegment<EarlierModel> earlier)
    {
        var id = new StageId(c, s);
        var stage = CanonicalJson.Patched(recipe.Stage, chain.Stage, $"recipe.chains[{c}].stage");
        if (s == 0)
        {
            stage = CanonicalJson.Patched(stage, chain.FirstStage, $"recipe.chains[{c}].firstStage");
        }

        if (stage.OuterBatchTokens is { } outer)
        {
            stage = stage with { BatchTokens = Cycles.BatchTokens(s, chain.Stages, stage.BatchTokens, outer) };
        }

        // Record 9 seeds model i with 42 + i; chains are kept apart by more stages than a chain has.
        var chainSeed = recipe.Seed + (10_007 * c);
        var imported = s < chain.Imported?.Count ? chain.Imported[s] : null;
        var taught = imported is null && stage.Distillation is { } teaching && s >= Math.Max(1, teaching.FromStage);
        var byAll = taught && stage.Distillation!.Teacher == ChainTeacher.AllEarlier;
        return new StagePlan
        {
            Id = id,
            Role = chain.Role,
            ImportedSha256 = imported,
            Seed = chainSeed + s,
            // Record 12's nodes: 42 + node.
            OrderSeed = stage.Continuation is null ? null : recipe.Seed + c,
            ChainStages = chain.Stages,
            Predecessor = stage.Continuation is null || imported is not null ? null : id.Before,
            Model = recipe.Model,
            Stage = stage,
            Evaluation = recipe.Evaluation,
            Data = recipe.Data,
            Teacher = taught && !byAll ? id.Before : null,
            EarlierTeachers = byAll ? earlier : ArraySegment<EarlierModel>.Empty,
            EarlierAverage = recipe.Ensemble.Average,
            TeacherEnsemble = stage.Distillation is not null && s == 0 && imported is null ? recipe.Teacher : null,
        };
    }
}
