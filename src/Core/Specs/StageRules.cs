using System.Text.Json.Nodes;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Specs;

/// <summary>Rules that a stage keeps once its chain's patches are applied.</summary>
internal static class StageRules
{
    public static void Check(RuleList rules, StagePlan plan, Recipe recipe)
    {
        var place = new StagePlace(plan.Id, recipe.Chains[plan.Id.Chain]);
        Loop(rules, plan, place);
        if (plan.ImportedSha256 is not null)
        {
            // How its model is passed counts, not how it would be trained.
            return;
        }

        Batches(rules, plan, recipe, place);
        Schedules(rules, plan.Stage, place);
        Selection(rules, plan, place);
        Windows(rules, plan, place);
        foreach (var (field, message) in SharedBlocksCheck.OfStage(plan.Stage, plan.Model))
        {
            rules.Check(place.Of(field), kept: false, message);
        }
    }

    private static void Loop(RuleList rules, StagePlan plan, StagePlace place)
    {
        if (plan.Stage.Loop is { } loop)
        {
            // A replay walks decoder layers again, with the encoder's outputs it has: it cannot begin in the encoder.
            var layers = plan.Model.Layers;
            rules.Check(
                place.Of("loop"),
                layers / 2 <= loop.Start && loop.Start < loop.End && loop.End <= layers,
                $"found layers [{loop.Start}, {loop.End}), expected a range within the decoder, [{layers / 2}, {layers})."
            );
        }
    }

    private static void Batches(RuleList rules, StagePlan plan, Recipe recipe, StagePlace place)
    {
        var stage = plan.Stage;
        // In a chain whose batch size changes, its first stages have the outer one.
        var field = stage.OuterBatchTokens is not null && stage.BatchTokens == stage.OuterBatchTokens ? "outerBatchTokens" : "batchTokens";
        var lanesFit = rules.Check(
            place.Of("lanes"),
            int.IsPow2(stage.Lanes),
            $"found {stage.Lanes}, expected a power of two: partial sums are added in a binary tree."
        );
        var microBatchTokens = (long)stage.DeviceRows * recipe.Model.SequenceLength;
        if (
            !rules.Check(
                place.Of(field),
                stage.BatchTokens % microBatchTokens == 0,
                $"found {stage.BatchTokens}, expected a multiple of {microBatchTokens}: deviceRows "
                    + $"({stage.DeviceRows}) times sequenceLength ({recipe.Model.SequenceLength})."
            )
        )
        {
            return;
        }

        var microBatches = stage.BatchTokens / microBatchTokens;
        rules.Check(
            place.Of("lanes"),
            !lanesFit || microBatches % stage.Lanes == 0,
            $"found {stage.Lanes} lanes for {microBatches} micro-batches a step ({field} / (deviceRows times "
                + "sequenceLength)); the lanes must divide them."
        );
        var least = Math.Max(stage.BatchTokens + 1L, (long)stage.Lanes * stage.DeviceRows * (recipe.Model.SequenceLength + 1));
        rules.Check(
            "recipe.data.trainTokens",
            recipe.Data.TrainTokens >= least,
            $"found {recipe.Data.TrainTokens}, expected at least {least}: more than a batch of {place.Of(field)} "
                + $"({stage.BatchTokens} tokens), and lanes times deviceRows rows of sequenceLength + 1."
        );
        var steps = recipe.Data.TrainTokens * stage.Epochs / stage.BatchTokens;
        rules.Check(
            place.Of("epochs"),
            steps is >= 0.5 and < int.MaxValue,
            $"found {stage.Epochs}: that is {steps:G6} optimizer steps (trainTokens times epochs / {field}), expected 1 to {int.MaxValue}."
        );
    }

    private static void Schedules(RuleList rules, StageRecipe stage, StagePlace place)
    {
        var (rate, decay) = (stage.Optimizer.LearningRate, stage.Optimizer.Decay);
        rules.Check(
            place.Of("dropoutSchedule.fromEpoch"),
            stage.DropoutSchedule is not { } dropout || dropout.FromEpoch <= Math.Ceiling(stage.Epochs),
            $"found {stage.DropoutSchedule?.FromEpoch}, expected a data epoch of the stage, which has "
                + $"{stage.Epochs} of them: it would never change."
        );
        rules.Check(
            place.Of("optimizer.learningRate.warmup"),
            rate.Shape != LearningRateShape.Cycle || rate.Warmup + stage.Optimizer.Warmdown <= 1,
            $"found {rate.Warmup} beside a warmdown of {stage.Optimizer.Warmdown}, expected at most 1 together: "
                + "they are fractions of one stage's steps."
        );
        rules.Check(
            place.Of("optimizer.decay.points"),
            decay.Shape != WeightDecayShape.Piecewise || decay.Points.Count > 0,
            "found none, expected at least one: shape Piecewise draws lines between them."
        );
        var epochs = decay.Points.Select(point => point.Epoch ?? stage.Epochs).ToList();
        rules.Check(
            place.Of("optimizer.decay.points"),
            epochs.SequenceEqual(epochs.Order()),
            $"found the epochs {string.Join(", ", epochs.Take(10))}, expected them in ascending order (without an "
                + $"epoch: the stage's end, {stage.Epochs} epochs)."
        );
        rules.Check(
            place.Of("optimizer.decay.shape"),
            decay.Shape != WeightDecayShape.Sawtooth || rate.AveragedEpochs > 0,
            "found Sawtooth, which rises within each of learningRate.averagedEpochs, and that is "
                + $"{rate.AveragedEpochs}; expected at least 1."
        );
        rules.Check(
            place.Of("continuation.perturbationMinimum"),
            stage.Continuation is not { } shaken || shaken.PerturbationMinimum <= shaken.PerturbationMaximum,
            $"found {stage.Continuation?.PerturbationMinimum}, expected at most perturbationMaximum "
                + $"({stage.Continuation?.PerturbationMaximum}): it falls over the chain."
        );
        rules.Check(
            place.Of("futureTokens.weights"),
            stage.FutureTokens is null || stage.FutureTokens.Weights.Count is >= 1 and <= 16,
            $"found {stage.FutureTokens?.Weights.Count} weights, expected 1 to 16."
        );
    }

    private static void Selection(RuleList rules, StagePlan plan, StagePlace place)
    {
        var selection = plan.Stage.Selection;
        rules.Check(
            place.Of("selection.rule"),
            selection.Rule is not (SelectionRule.Averaged or SelectionRule.BestFitness) || selection is not { Ema: null, Swa: null },
            $"found {selection.Rule}, expected ema or swa beside it: nothing is averaged."
        );
        rules.Check(
            place.Of("selection.rule"),
            selection.Rule != SelectionRule.BestFitness || plan.Data.FitnessTokens >= 2,
            $"found {selection.Rule}, which chooses on the fitness set, and data.fitnessTokens is "
                + $"{plan.Data.FitnessTokens}; expected at least 2."
        );
        rules.Check(
            place.Of("selection.lateCheckpoints"),
            selection.LateCheckpoints == 1 || selection.Rule == SelectionRule.Final,
            $"found {selection.LateCheckpoints} with rule {selection.Rule}, expected 1, or more with rule Final."
        );
        rules.Check(
            place.Of("selection.lateCheckpoints"),
            selection.LateCheckpoints <= Math.Max(1, Math.Ceiling(plan.Stage.Epochs)),
            $"found {selection.LateCheckpoints}, expected at most one for each of the stage's {plan.Stage.Epochs} "
                + "data epochs: it is the weights at their ends."
        );
        rules.Check(
            place.Of("selection.lateByRecency"),
            selection.LateByRecency is not true || selection.LateCheckpoints > 1,
            "found true, expected lateCheckpoints of 2 or more beside it: there is nothing to weigh."
        );
    }

    private static void Windows(RuleList rules, StagePlan plan, StagePlace place)
    {
        var windows = Models.AttentionWindows.Of(plan.Model);
        var before = 0;
        foreach (var phase in plan.Stage.Windows)
        {
            if (
                !rules.Check(
                    place.Of("windows"),
                    phase.UntilEpoch > before
                        && phase.ShortWindow >= 1
                        && phase.ShortWindow <= phase.LongWindow
                        && phase.LongWindow <= plan.Model.SequenceLength,
                    $"found windows of {phase.ShortWindow} and {phase.LongWindow} keys until epoch {phase.UntilEpoch}, "
                        + $"expected an epoch after {before} and 1 <= shortWindow <= longWindow <= sequenceLength "
                        + $"({plan.Model.SequenceLength})."
                )
            )
            {
                return;
            }

            before = phase.UntilEpoch;
        }

        // Of windows that are no growth the model's own rule has told.
        if (plan.Model.Yarn is { } yarn && plan.Predecessor is null && !ModelCheck.Problems(plan.Model).Any())
        {
            var grown = plan.Stage.Windows.Select(phase => phase.LongWindow).Where(window => window != windows.Wide).Distinct().ToList();
            rules.Check(
                place.Of("windows"),
                grown.SequenceEqual(yarn.LongWindows),
                $"found long windows of [{string.Join(", ", grown)}] keys before the model's own, expected those of "
                    + $"model.yarn.longWindows, [{string.Join(", ", yarn.LongWindows)}], in this order: positions are "
                    + "rescaled as they grow."
            );
        }
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
