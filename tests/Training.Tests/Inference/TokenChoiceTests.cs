using Slowrun.Training.Inference;

namespace Slowrun.Training.Tests.Inference;

public sealed class TokenChoiceTests
{
    private static readonly double[] Probabilities = [0.1, 0.4, 0.05, 0.4, 0.05];

    [Theory]
    [InlineData(0.0, null)]
    [InlineData(1.0, 1)]
    [InlineData(0.001, 1)]
    public void Choose_AtTemperatureZeroOrOfOne_IsTheFirstOfTheLikeliest(double temperature, int? topK) =>
        Assert.All(Enumerable.Range(0, 20), step => Assert.Equal(1, new TokenChoice(temperature, topK).Choose(Probabilities, step)));

    [Fact]
    public void Choose_OfManySteps_FollowsTheProbabilities()
    {
        var counts = Counts(new TokenChoice(Seed: 3));

        Assert.All(Probabilities.Zip(counts), pair => Assert.Equal(pair.First, pair.Second, 0.015));
    }

    [Fact]
    public void Choose_AtATemperature_FollowsThePowersOfTheProbabilities()
    {
        var powers = Probabilities.Select(p => Math.Pow(p, 1 / 0.5)).ToArray();

        Assert.All(powers.Zip(Counts(new TokenChoice(0.5, Seed: 4))), pair => Assert.Equal(pair.First / powers.Sum(), pair.Second, 0.015));
    }

    [Fact]
    public void Choose_OfTheTopK_LeavesOutTheOthers()
    {
        var counts = Counts(new TokenChoice(TopK: 3, Seed: 5));

        Assert.Equal([0.0, 0.0], [counts[2], counts[4]]);
        Assert.Equal(0.4 / 0.9, counts[1], 0.015);
    }

    [Fact]
    public void Choose_AtAVeryLowTemperature_OverflowsNothing() =>
        Assert.Contains(new TokenChoice(1e-6, Seed: 1).Choose(Probabilities, 0), (int[])[1, 3]);

    [Fact]
    public void Choose_WhenProbabilitiesAreZero_NeverTakesThem() =>
        Assert.All(Enumerable.Range(0, 100), step => Assert.Equal(2, new TokenChoice(2, Seed: step).Choose([0, 0, 1, 0], step)));

    [Fact]
    public void Choose_OfTheSameSeedAndStep_IsTheSame_AndOfOthersIsNot()
    {
        int[] Chosen(long seed) => [.. Enumerable.Range(0, 50).Select(step => new TokenChoice(Seed: seed).Choose(Probabilities, step))];

        Assert.Equal(Chosen(7), Chosen(7));
        Assert.NotEqual(Chosen(7), Chosen(8));
    }

    private static double[] Counts(TokenChoice choice)
    {
        const int draws = 10_000;
        var counts = new double[Probabilities.Length];
        for (var step = 0; step < draws; step++)
        {
            counts[choice.Choose(Probabilities, step)] += 1.0 / draws;
        }

        return counts;
    }
}
