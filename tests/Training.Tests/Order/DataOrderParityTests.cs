using System.Text.Json.Nodes;
using Slowrun.Core.Order;
using Slowrun.Core.Randomness;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;

namespace Slowrun.Training.Tests.Order;

/// <summary>Family G: every row that upstream's loaders emit, in order. All of it exact.</summary>
public sealed class DataOrderParityTests
{
    private readonly JsonObject json = FixtureSet.Json("G_data_order");
    private readonly OrderedDictionary<string, TensorData> tensors = FixtureSet.Tensors("G_data_order");

    [Theory]
    [InlineData("rec9", DataOrderRule.Sequences)]
    [InlineData("head_docshuffle", DataOrderRule.Documents)]
    [InlineData("head_noshuffle", DataOrderRule.Rows)]
    [InlineData("head_fixedseqs", DataOrderRule.AllSequences)]
    [InlineData("head_val", DataOrderRule.Evaluation)]
    [InlineData("limited_docshuffle", DataOrderRule.TrackDocuments)]
    [InlineData("limited_noshuffle", DataOrderRule.TrackRows)]
    public void Read_OfEachMicroBatch_GivesTheRowsOfUpstreamsLoader(string loader, DataOrderRule rule)
    {
        var ranks = tensors.Keys.Where(key => key.StartsWith(loader + ".world", StringComparison.Ordinal)).ToArray();
        Assert.NotEmpty(ranks);
        // Upstream's validation loader is the same for every model.
        var seed = rule == DataOrderRule.Evaluation ? 0 : (long)json["model_seed"]!;
        foreach (var key in ranks)
        {
            var parts = key.Split(".world")[1].Split(".rank").Select(int.Parse).ToArray();
            var (world, rank) = (parts[0], parts[1]);
            var (steps, rows, rowTokens) = ((int)tensors[key].Shape[0], (int)tensors[key].Shape[1], (int)tensors[key].Shape[2]);
            var order = new DataOrder(rule, Tokens(), new DataShape(rowTokens - 1, rows, world), seed, (long)json["seq_shuffle_seed"]!);
            var facts = json["loaders"]![key]!;
            Assert.Equal((int)facts["steps_per_epoch"]! * world, order.MicroBatchesPerEpoch);
            var read = new int[rows * rowTokens];
            for (var step = 0; step < steps; step++)
            {
                var microBatch = (step * world) + rank;

                order.Read(microBatch, read);

                var expected = tensors[key].Longs().AsSpan(step * read.Length, read.Length).ToArray();
                Assert.True(expected.SequenceEqual(read.Select(token => (long)token)), $"{key}, micro-step {step}");
                Assert.Equal((int)facts["epoch_per_row"]![step]!, order.DataEpoch(microBatch));
            }
        }
    }

    [Fact]
    public void TokensPerEpoch_OfATrainingLoader_IsUpstreams()
    {
        foreach (var (key, facts) in json["loaders"]!.AsObject().Where(loader => loader.Value!["total_tokens"] is not null))
        {
            var world = int.Parse(key.Split(".world")[1].Split('.')[0], System.Globalization.CultureInfo.InvariantCulture);
            var shape = new DataShape((int)json["T"]!, (int)json["B"]!, world);

            Assert.Equal((long)facts!["total_tokens"]!, shape.TokensPerEpoch(Tokens().Length));
        }
    }

    [Fact]
    public void Permutation_OfMt19937_IsTorchs()
    {
        foreach (var (name, sample) in json["randperm"]!.AsObject().Where(entry => entry.Value is JsonObject))
        {
            var permutation = Mt19937.Permutation((long)sample!["seed"]!, (int)sample["n"]!);

            Assert.True(permutation.SequenceEqual(sample["perm"]!.AsArray().Select(i => (int)i!)), name);
        }
    }

    [Fact]
    public void NextPermutation_FromOneGenerator_GoesOnWhereTheLastEnded()
    {
        var (name, draws) = json["randperm"]!.AsObject().Single(entry => entry.Value is JsonArray);
        var generator = new Mt19937(long.Parse(name[(name.LastIndexOf("seed", StringComparison.Ordinal) + 4)..], null));

        foreach (var draw in draws!.AsArray())
        {
            var expected = draw!.AsArray().Select(i => (int)i!).ToArray();
            Assert.Equal(expected, generator.NextPermutation(expected.Length));
        }
    }

    [Fact]
    public void Permutation_OfNumpysRandomState_IsNumpys()
    {
        var (name, draw) = json.Single(entry => entry.Key.StartsWith("numpy", StringComparison.Ordinal));
        var expected = draw!.AsArray().Select(i => (int)i!).ToArray();
        var seed = long.Parse(name[(name.LastIndexOf("seed", StringComparison.Ordinal) + 4)..], null);

        Assert.Equal(expected, NumpyPermutation.Of(seed, expected.Length));
    }

    [Fact]
    public void FitnessCarve_OfTheBudget_TakesUpstreamsDocuments()
    {
        var carve = json["fitness_carve"]!;

        var (documents, tokens) = FitnessCarve.Of(Tokens(), (long)carve["budget"]!);

        Assert.Equal((int)carve["fitness_docs"]!, documents);
        Assert.Equal((int)carve["remaining_docs"]!, Tokens().DocumentStarts.Count - documents);
        Assert.Equal((long)carve["fitness_tokens"]!, tokens);
        Assert.Equal((long)carve["fitness_seqs"]!, tokens / ((int)json["T"]! + 1));
    }

    private FixtureTokens Tokens() => new(tensors["tokens"].Longs(), tensors["doc_starts"].Longs());
}
