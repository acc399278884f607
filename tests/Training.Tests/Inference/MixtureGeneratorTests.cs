using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Training.Inference;
using Slowrun.Training.Parameters;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Inference;

public sealed class MixtureGeneratorTests
{
    private static readonly StagePlan Plan = CachedModelTests.Plan(
        new ModelRecipe
        {
            VocabSize = 50,
            SequenceLength = 16,
            Layers = 2,
            Heads = 2,
            Width = 32,
        },
        new()
        {
            Loop = new LoopRecipe
            {
                Start = 1,
                End = 2,
                Replays = 1,
            },
        }
    );

    private static readonly IReadOnlyList<TensorData>[] Members =
    [
        .. Enumerable.Range(1, 3).Select(seed => CachedModelTests.Weights(Plan, seed)),
    ];

    private static readonly int[] Prompt = [3, 1, 4, 1, 5];

    [Theory]
    [InlineData(EnsembleAverage.Probabilities)]
    [InlineData(EnsembleAverage.Logits)]
    public void Generate_ByAMixture_TakesTheLikeliestOfTheMembersAverage(EnsembleAverage average)
    {
        double[] weights = [1, 3, 2];

        var text = Generated(average, Members.Zip(weights), Prompt, 8, new TokenChoice(0));

        for (var at = Prompt.Length; at < text.Count; at++)
        {
            using var scope = NewDisposeScope();
            var logits = Members.Select(member => CachedModelTests.Whole(Plan, member, [.. text.Take(at)])[at - 1].to(ScalarType.Float64));
            var mixed = logits
                .Zip(weights, (z, weight) => (average == EnsembleAverage.Logits ? z : z.softmax(0)) * (weight / 6))
                .Aggregate((a, b) => a + b);
            Assert.Equal(mixed.argmax().ToInt64(), text[at]);
        }
    }

    [Fact]
    public void Generate_BeyondTheModelsPositions_ReadsTheNewerHalfAgain()
    {
        var text = Generated(EnsembleAverage.Probabilities, [(Members[0], 1)], Prompt, 60, new TokenChoice(0));

        Assert.Equal(Prompt.Length + 60, text.Count);
        // Positions 16, 24, 32, … begin with the eight tokens before.
        for (var at = Plan.Model.SequenceLength; at + 8 < text.Count; at++)
        {
            using var scope = NewDisposeScope();
            var seen = 8 + ((at - 16) % 8) + 1;
            int[] context = [.. text.Skip(at + 1 - seen).Take(seen)];
            Assert.Equal(CachedModelTests.Whole(Plan, Members[0], context)[seen - 1].argmax().ToInt64(), text[at + 1]);
        }
    }

    [Fact]
    public void Generate_FromAPromptLongerThanTheContext_BeginsWithItsNewestTokens()
    {
        int[] prompt = [.. Enumerable.Range(0, 40).Select(i => i % 50)];

        Assert.Equal(
            Generated(EnsembleAverage.Probabilities, [(Members[0], 1)], prompt[^8..], 5, new TokenChoice(0)).Skip(8),
            Generated(EnsembleAverage.Probabilities, [(Members[0], 1)], prompt, 5, new TokenChoice(0)).Skip(40)
        );
    }

    [Fact]
    public void Generate_WithTheSameSeed_GivesTheSameTokensAlsoTheSecondTime()
    {
        using var generator = new MixtureGenerator(EnsembleAverage.Probabilities, "cpu:0");
        generator.Add(Plan, Members[0], 1);
        generator.Add(Plan, Members[1], 1);
        List<int> Run(long seed)
        {
            var text = new List<int>();
            generator.Generate(Prompt, 30, null, new TokenChoice(Seed: seed), text.Add, TestContext.Current.CancellationToken);
            return text;
        }

        Assert.Equal(Run(1), Run(1));
        Assert.NotEqual(Run(1), Run(2));
    }

    [Fact]
    public void Generate_WhenItsEndIsChosen_TellsItAndStops()
    {
        var all = Generated(EnsembleAverage.Probabilities, [(Members[0], 1)], Prompt, 30, new TokenChoice(1, Seed: 1))
            .Skip(Prompt.Length)
            .ToList();
        var end = all[7];

        var text = Generated(EnsembleAverage.Probabilities, [(Members[0], 1)], Prompt, 30, new TokenChoice(1, Seed: 1), end)
            .Skip(Prompt.Length)
            .ToList();

        Assert.Equal(all.Take(all.IndexOf(end) + 1), text);
    }

    [Fact]
    public void Generate_BySnapshotWithEarlierModels_MixesTheirProbabilitiesEvenly()
    {
        IReadOnlyList<TensorData> snapshot =
        [
            .. Members[0],
            .. Members[1].Select(tensor => tensor with { Name = CheckpointNames.Late(0) + tensor.Name }),
        ];

        Assert.Equal(
            Generated(EnsembleAverage.Probabilities, [(Members[0], 1), (Members[1], 1)], Prompt, 10, new TokenChoice(Seed: 2)),
            Generated(EnsembleAverage.Probabilities, [(snapshot, 1)], Prompt, 10, new TokenChoice(Seed: 2))
        );
        Assert.Equal(
            Generated(EnsembleAverage.Logits, [(Members[0], 1)], Prompt, 10, new TokenChoice(Seed: 2)),
            Generated(EnsembleAverage.Logits, [(snapshot, 1)], Prompt, 10, new TokenChoice(Seed: 2))
        );
    }

    [Fact]
    public void Generate_BySnapshotWhoseLaterModelsCountMore_MixesThemSo()
    {
        IReadOnlyList<TensorData> snapshot =
        [
            .. Members[0],
            .. Members[1].Select(tensor => tensor with { Name = CheckpointNames.Late(0, byRecency: true) + tensor.Name }),
        ];

        var mixed = Generated(EnsembleAverage.Probabilities, [(snapshot, 1)], Prompt, 30, new TokenChoice(1.5, Seed: 2));

        Assert.Equal(
            Generated(EnsembleAverage.Probabilities, [(Members[0], 2), (Members[1], 1)], Prompt, 30, new TokenChoice(1.5, Seed: 2)),
            mixed
        );
    }

    [Fact]
    public void Generate_WhenToldToStop_Throws()
    {
        using var generator = new MixtureGenerator(EnsembleAverage.Probabilities, "cpu:0");
        generator.Add(Plan, Members[0], 1);
        using var stop = new CancellationTokenSource();

        Assert.Throws<OperationCanceledException>(() =>
            generator.Generate(Prompt, 30, null, new TokenChoice(), _ => stop.Cancel(), stop.Token)
        );
    }

    [Fact]
    public void Add_OfWeightsOfAnotherModel_Throws()
    {
        using var generator = new MixtureGenerator(EnsembleAverage.Probabilities, "cpu:0");

        Assert.Throws<InvalidDataException>(() => generator.Add(Plan, [.. Members[0].Skip(1)], 1));
    }

    private static List<int> Generated(
        EnsembleAverage average,
        IEnumerable<(IReadOnlyList<TensorData> Snapshot, double Weight)> members,
        int[] prompt,
        int count,
        TokenChoice choice,
        int? end = null
    )
    {
        using var generator = new MixtureGenerator(average, "cpu:0");
        foreach (var (snapshot, weight) in members)
        {
            generator.Add(Plan, snapshot, weight);
        }

        var text = new List<int>(prompt);
        generator.Generate(prompt, count, end, choice, text.Add, TestContext.Current.CancellationToken);
        return text;
    }
}
