using Slowrun.Core.Mixtures;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Selection;
using Slowrun.Core.Status;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Tests;

/// <summary>The ways of averaging members, from their stored scores and snapshots.</summary>
public sealed class EnsembleTests
{
    private readonly MemoryStore store = new();

    [Fact]
    public async Task Ensemble_OfProbabilities_IsTheEvenMixtureOfTheVectors()
    {
        var (run, status) = await FinishAsync(new EnsembleRecipe());

        var vectors = await VectorsAsync((await run.FactsAsync()).Scores);

        Assert.Equal(Mixture.LossNats(vectors), status.Ensemble!.LossNats, 1e-12);
        Assert.Equal(status.Ensemble.LossNats, status.Ensemble.Running[^1]);
        Assert.Null(status.Ensemble.Weights);
    }

    [Fact]
    public async Task Ensemble_WithSelection_LearnsOnFitnessAndReportsEverySizeOnValidation()
    {
        var recipe = new MemberSelectionRecipe { Sizes = [1, 2, 3, 8], Steps = 20 };

        var (run, status) = await FinishAsync(new EnsembleRecipe { Selection = recipe });

        var facts = await run.FactsAsync();
        Assert.Equal(4, facts.FitnessScores.Count);
        var fitness = await VectorsAsync([.. facts.Plan.Members.Select(member => facts.FitnessScoreOf(member.Id)!)]);
        var validation = await VectorsAsync([.. facts.Plan.Members.Select(member => facts.ScoreOf(member.Id)!)]);
        var fitted = GradientSelection.Fit(fitness, facts.Spec.Recipe.Seed, recipe.Steps);
        var ensemble = status.Ensemble!;
        Assert.Equal([1, 2, 3, 4], ensemble.Selections!.Select(selection => selection.Size));
        foreach (var selection in ensemble.Selections!)
        {
            var top = GradientSelection.Top(fitted.Weights, selection.Size);
            Assert.Equal(GradientSelection.LossNats(fitness, top), selection.FitnessLossNats, 1e-12);
            Assert.Equal(GradientSelection.LossNats(validation, top), selection.LossNats, 1e-12);
        }

        var best = ensemble.Selections!.MinBy(selection => selection.FitnessLossNats)!;
        Assert.Equal(best.LossNats, ensemble.LossNats);
        Assert.Equal(best.Size, ensemble.Members);
        Assert.Equal(best.Size, ensemble.Weights!.Count(weight => weight > 0));
        Assert.Equal(1, ensemble.Weights!.Sum(), 1e-12);
        Assert.Equal(Mixture.LossNats(validation), ensemble.Running[^1], 1e-12);
    }

    [Fact]
    public async Task Ensemble_OfLogits_OfOneMemberIsTheMemberAndOfAllIsNotTheirMixture()
    {
        var (run, status) = await FinishAsync(new EnsembleRecipe { Average = EnsembleAverage.Logits, ExcludeFirstStages = 1 });

        var facts = await run.FactsAsync();
        var members = facts.Plan.Members.Select(member => facts.ScoreOf(member.Id)!).ToList();
        Assert.Equal(2, members.Count);
        Assert.Equal(members[0].LossNats, status.Ensemble!.Running[0], 1e-9);
        Assert.NotEqual(Mixture.LossNats(await VectorsAsync(members)), status.Ensemble.LossNats);
        Assert.InRange(status.Ensemble.LossNats, 0, members.Max(member => member.LossNats));
        Assert.Equal([new(0, 1), new(1, 1)], status.Ensemble.MemberStages);
    }

    private async Task<(LocalRun Run, RunStatus Status)> FinishAsync(EnsembleRecipe ensemble)
    {
        await using var run = new LocalRun(store);
        await run.SubmitAsync(spec =>
            spec with
            {
                Recipe = spec.Recipe with
                {
                    Data = spec.Recipe.Data with { FitnessTokens = 128 },
                    Chains = [new ChainRecipe { Stages = 2 }, new ChainRecipe { Stages = 2 }],
                    Ensemble = ensemble,
                },
            }
        );
        var status = await run.FinishAsync();
        Assert.True(status.State == RunState.Succeeded, await run.StoryAsync());
        return (run, status);
    }

    private async Task<IReadOnlyList<ReadOnlyMemory<float>>> VectorsAsync(IReadOnlyList<Core.Stages.MemberScore> scores)
    {
        var vectors = new List<ReadOnlyMemory<float>>();
        foreach (var score in scores)
        {
            vectors.Add(await new RunScores(store, "micro").ReadVectorAsync(score, TestContext.Current.CancellationToken));
        }

        return vectors;
    }
}
