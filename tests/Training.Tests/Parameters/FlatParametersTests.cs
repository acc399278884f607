using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Parameters;

public sealed class FlatParametersTests
{
    private static readonly IReadOnlyList<ParameterSpec> Table = ParameterTable.Of(new ModelRecipe());

    private static ParameterLayout Layout => ParameterGroups.Layout(Table, ParameterGroups.Of(Table, new OptimizerRecipe()));

    [Fact]
    public void Layout_OfAMuonGroup_PutsItsMatricesOneBehindTheOther()
    {
        using var scope = NewDisposeScope();
        using var parameters = new FlatParameters(Layout, CPU);
        var group = ParameterGroups.Of(Table, new OptimizerRecipe())[^1];
        var range = Layout.Groups[^1];
        foreach (var (matrix, n) in group.Parameters.Select((matrix, n) => (matrix, n)))
        {
            parameters[matrix.Name].fill_(n + 1);
        }

        var stack = parameters.Flat.narrow(0, range.Start, range.Length).view([group.Parameters.Count, .. group.Parameters[0].Shape]);

        var means = stack.mean([1L, 2L]).data<float>().ToArray();
        Assert.Equal(Enumerable.Range(1, group.Parameters.Count).Select(n => (float)n), means);
    }

    [Fact]
    public void Layout_WhenAParameterIsInNoGroup_SaysWhich()
    {
        var error = Assert.Throws<ArgumentException>(() =>
            new ParameterLayout(
                Table,
                [
                    [Table[0].Name],
                ]
            )
        );

        Assert.Contains($"'{Table[1].Name}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Layout_WhenAParameterIsInTwoGroups_Throws() =>
        Assert.Throws<ArgumentException>(() =>
            new ParameterLayout(
                Table,
                [
                    [.. Table.Select(p => p.Name)],
                    [Table[0].Name],
                ]
            )
        );

    [Fact]
    public void Leaves_OfTwoWorkers_AddToTheirOwnGradientsOverTheSameWeights()
    {
        using var scope = NewDisposeScope();
        using var parameters = new FlatParameters(Layout, CPU);
        using var first = parameters.NewGradients();
        using var second = parameters.NewGradients();
        using var firstLeaves = parameters.Leaves(first);
        using var secondLeaves = parameters.Leaves(second);
        parameters.Flat.fill_(3);

        firstLeaves["lm_head.weight"].square().sum().backward();
        firstLeaves["lm_head.weight"].square().sum().backward();
        secondLeaves["lm_head.weight"].sum().backward();

        Assert.Equal(12f, first["lm_head.weight"].mean().item<float>());
        Assert.Equal(1f, second["lm_head.weight"].mean().item<float>());
        Assert.Equal(0f, second["resid_lambdas"].sum().item<float>());
    }

    [Fact]
    public void Leaves_AfterTheOptimizerWrote_SeeTheNewWeights()
    {
        using var scope = NewDisposeScope();
        using var parameters = new FlatParameters(Layout, CPU);
        using var gradients = parameters.NewGradients();
        using var leaves = parameters.Leaves(gradients);

        parameters.Flat.fill_(7);

        Assert.Equal(7f, leaves["resid_lambdas"].mean().item<float>());
    }

    [Fact]
    public void Export_OfLoadedWeights_GivesTheirBytesInRegistrationOrder()
    {
        using var parameters = new FlatParameters(Layout, CPU);
        var weights = Table.Select((p, n) => Filled(p, n)).ToArray();

        parameters.Load([.. weights.Reverse()]);

        var exported = parameters.Export();
        Assert.Equal(Table.Select(p => p.Name), exported.Select(w => w.Name));
        Assert.All(weights.Zip(exported), pair => Assert.Equal(pair.First.Bytes.ToArray(), pair.Second.Bytes.ToArray()));
    }

    [Fact]
    public void Load_WhenAWeightIsMissingExtraOrOfAnotherShape_NamesIt()
    {
        using var parameters = new FlatParameters(Layout, CPU);
        var weights = Table.Select(Filled).ToArray();
        var reshaped = weights[0] with { Shape = [1, .. weights[0].Shape] };

        Assert.Contains(
            weights[^1].Name,
            Assert.Throws<InvalidDataException>(() => parameters.Load(weights[..^1])).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "'extra'",
            Assert.Throws<InvalidDataException>(() => parameters.Load([.. weights, weights[0] with { Name = "extra" }])).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            weights[0].Name,
            Assert.Throws<InvalidDataException>(() => parameters.Load([reshaped, .. weights[1..]])).Message,
            StringComparison.Ordinal
        );
    }

    private static TensorData Filled(ParameterSpec parameter, int seed)
    {
        var bytes = new byte[parameter.Count * 4];
        new Random(seed).NextBytes(bytes);
        return new TensorData(parameter.Name, ElementType.F32, parameter.Shape, bytes);
    }
}
