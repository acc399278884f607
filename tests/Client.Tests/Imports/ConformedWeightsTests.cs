using Slowrun.Client.Imports;
using Slowrun.Core;
using Slowrun.Core.Recipes;
using Slowrun.Storage.Safetensors;

namespace Slowrun.Client.Tests.Imports;

public sealed class ConformedWeightsTests
{
    // As A_rec9_gpt.json of the engine's fixtures describes it.
    private static readonly ModelRecipe Upstream = new()
    {
        VocabSize = 120,
        PadVocabTo = 64,
        SequenceLength = 32,
        Layers = 6,
        Heads = 4,
        Width = 40,
    };

    [Fact]
    public async Task Of_WeightsOfUpstreamsScript_AreTheirVeryBytes()
    {
        var source = ModelSource.Of(Path.Combine(AppContext.BaseDirectory, "Imports", "upstream.safetensors")).Single();
        var read = await source.ReadAsync(CommandLine.Stop);

        var weights = ConformedWeights.Of(read, Upstream, new SelectionRecipe(), source.Path);

        Assert.Empty(weights.Notes);
        Assert.Equal(Hash(read), Hash(weights.Tensors));
    }

    [Fact]
    public async Task Of_WeightsOfUpstreamsScript_AreNoOtherModels()
    {
        var source = ModelSource.Of(Path.Combine(AppContext.BaseDirectory, "Imports", "upstream.safetensors")).Single();
        var read = await source.ReadAsync(CommandLine.Stop);

        string Refusal(ModelRecipe model) =>
            Assert.Throws<InvalidRequestException>(() => ConformedWeights.Of(read, model, new SelectionRecipe(), source.Path)).Message;

        Assert.Contains("of the recipe's model", Refusal(Upstream with { Width = 80 }), StringComparison.Ordinal);
        Assert.Contains("tensors are none of the recipe's model: ", Refusal(Upstream with { Layers = 4 }), StringComparison.Ordinal);
        Assert.Contains("q_mix", Refusal(Upstream with { HeadMixing = true }), StringComparison.Ordinal);
    }

    private static string Hash(IReadOnlyList<Core.Tensors.TensorData> tensors)
    {
        using var content = SafetensorsWriter.OpenRead([.. tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal)]);
        return Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content));
    }
}
