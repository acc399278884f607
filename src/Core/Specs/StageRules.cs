using System.Text.Json.Nodes;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Specs;

/// <summary>Rules that a stage keeps once its chain's patches are applied.</summary>
internal static class StageRules
{
    private const int MostLanes = 64;

    public static void Check(RuleList rules, StagePlan plan, Recipe recipe)
    {
        var place = new StagePlace(plan.Id, recipe.Chains[plan.Id.Chain]);
        Batches(rules, plan, recipe, place);
        Learning(rules, plan.Stage, place);
        if (plan.Stage.Loop is { } loop)
        {
            Loop(rules, loop, recipe.Model, place);
        }

        if (plan.Stage.Distillation is { } teaching)
        {
            rules.Check(place.Of("distillation.alpha"), teaching.Alpha is >= 0 and <= 1, $"found {teaching.Alpha}, expected 0 to 1.");
            rules.Check(place.Of("distillation.temperature"), teaching.Temperature > 0, $"found {teaching.Temperature}, expected a number above 0.");
            rules.Check(
                place.Of("distillation.fromStage"), teaching.FromStage >= 1,
                $"found {teaching.FromStage}, expected at least 1: stage 0 has none before it to teach it.");
        }
    }

    private static void Batches(RuleList rules, StagePlan plan, Recipe recipe, StagePlace place)
    {
        var stage = plan.Stage;
        var lanesFit = rules.Check(
            place.Of("lanes"), stage.Lanes is >= 1 and <= MostLanes && int.IsPow2(stage.Lanes),
            $"found {stage.Lanes}, expected a power of two from 1 to {MostLanes}.");
        if (!rules.Check(place.Of("deviceRows"), stage.DeviceRows is >= 1 and <= 65_536, $"found {stage.DeviceRows}, expected 1 to 65536.")
            || recipe.Model.SequenceLength < 1)
        {
            return;
        }

        var microBatchTokens = (long)stage.DeviceRows * recipe.Model.SequenceLength;
        if (rules.Check(
            place.Of("batchTokens"), stage.BatchTokens >= 1 && stage.BatchTokens % microBatchTokens == 0,
            $"found {stage.BatchTokens}, expected a multiple of {microBatchTokens}: deviceRows ({stage.DeviceRows}) times sequenceLength ({recipe.Model.SequenceLength})."))
        {
            var microBatches = stage.BatchTokens / microBatchTokens;
            rules.Check(
                place.Of("lanes"), !lanesFit || microBatches % stage.Lanes == 0,
                $"found {stage.Lanes} lanes for {microBatches} micro-batches a step (batchTokens / (deviceRows times sequenceLength)); the lanes must divide them.");
            rules.Check(
                "recipe.data.trainTokens", recipe.Data.TrainTokens > stage.BatchTokens,
                $"found {recipe.Data.TrainTokens}, expected more than a batch of {place.Of("batchTokens")} ({stage.BatchTokens} tokens).");
        }

        var steps = stage.BatchTokens < 1 ? 0 : recipe.Data.TrainTokens * stage.Epochs / stage.BatchTokens;
        if (rules.Check(place.Of("epochs"), stage.Epochs > 0, $"found {stage.Epochs}, expected a number above 0.") && stage.BatchTokens >= 1)
        {
            rules.Check(
                place.Of("epochs"), steps is >= 0.5 and < int.MaxValue,
                $"found {stage.Epochs}: that is {steps:G6} optimizer steps, expected 1 to {int.MaxValue}.");
        }
    }

    private static void Learning(RuleList rules, StageRecipe stage, StagePlace place)
    {
        var optimizer = stage.Optimizer;
        rules.Check(place.Of("dropout"), stage.Dropout is >= 0 and < 1, $"found {stage.Dropout}, expected 0 up to but not including 1.");
        rules.Check(place.Of("clipNorm"), stage.ClipNorm >= 0, $"found {stage.ClipNorm}, expected 0 (never) or more.");
        rules.Check(
            place.Of("optimizer.learningRateMultiplier"), optimizer.LearningRateMultiplier > 0,
            $"found {optimizer.LearningRateMultiplier}, expected a number above 0.");
        rules.Check(place.Of("optimizer.weightDecay"), optimizer.WeightDecay >= 0, $"found {optimizer.WeightDecay}, expected 0 or more.");
        rules.Check(place.Of("optimizer.warmdown"), optimizer.Warmdown is >= 0 and <= 1, $"found {optimizer.Warmdown}, expected 0 to 1.");
        foreach (var (name, rate) in ((string, double)[])
        [
            ("matrixLearningRate", optimizer.MatrixLearningRate),
            ("embeddingLearningRate", optimizer.EmbeddingLearningRate),
            ("unembeddingLearningRate", optimizer.UnembeddingLearningRate),
            ("scalarLearningRate", optimizer.ScalarLearningRate),
        ])
        {
            rules.Check(place.Of($"optimizer.{name}"), rate >= 0, $"found {rate}, expected 0 or more.");
        }
    }

    private static void Loop(RuleList rules, LoopRecipe loop, ModelRecipe model, StagePlace place)
    {
        // A replay walks decoder layers again, with the encoder's outputs it has: it cannot begin in the encoder.
        rules.Check(
            place.Of("loop"), model.Layers / 2 <= loop.Start && loop.Start < loop.End && loop.End <= model.Layers,
            $"found layers [{loop.Start}, {loop.End}), expected a range within the decoder, [{model.Layers / 2}, {model.Layers}).");
        rules.Check(place.Of("loop.replays"), loop.Replays is >= 1 and <= 64, $"found {loop.Replays}, expected 1 to 64 extra passes.");
        rules.Check(place.Of("loop.fromFraction"), loop.FromFraction is >= 0 and <= 1, $"found {loop.FromFraction}, expected 0 to 1.");
    }

    /// <summary>Where a stage's setting is written: in the first stage's patch, the chain's, or the recipe's stage.</summary>
    private sealed class StagePlace(StageId id, ChainRecipe chain)
    {
        public string Of(string field) =>
            id.Stage == 0 && Has(chain.FirstStage, field) ? $"recipe.chains[{id.Chain}].firstStage.{field}"
            : Has(chain.Stage, field) ? $"recipe.chains[{id.Chain}].stage.{field}"
            : $"recipe.stage.{field}";

        private static bool Has(JsonObject? patch, string field)
        {
            JsonNode? node = patch;
            return field.Split('.').All(name => (node = (node as JsonObject)?[name]) is not null);
        }
    }
}
