using System.Text.Json.Nodes;
using Slowrun.Core.Models;

namespace Slowrun.Training.Tests.Optimizers;

/// <summary>E_param_groups: which parameter is in which group, in which order, with which values. All of it exact.</summary>
public sealed class ParameterGroupsParityTests
{
    [Theory]
    [InlineData("rec9")]
    [InlineData("head")]
    [InlineData("limited")]
    [InlineData("tiny")]
    public void Of_ATracksModel_GivesUpstreamsGroups(string track)
    {
        var fixture = FixtureSet.Json("E_param_groups")[track]!;
        // Some tracks keep a group for parameters that their models no longer have.
        JsonNode[] expected = [.. fixture["groups"]!.AsArray().Where(group => group!["params"]!.AsArray().Count > 0)!];

        var table = ParameterTable.Of(TrackRecipes.Model(track, fixture["config"]!));
        var groups = ParameterGroups.Of(table, TrackRecipes.Optimizer(track));

        Assert.Equal(expected.Select(Describe), groups.Select(Describe));
    }

    private static string Describe(JsonNode group) =>
        string.Join(
            ' ',
            group["kind"],
            string.Join(',', group["params"]!.AsArray()),
            string.Join(',', group["shapes"]!.AsArray()),
            (double)group["lr"]!,
            (double)group["weight_decay"]!,
            string.Join(',', group["betas"]?.Doubles() ?? [(double)group["beta2"]!]),
            (double)(group["eps"] ?? group["shape_lr_scale"])!
        );

    private static string Describe(ParameterGroup group) =>
        string.Join(
            ' ',
            group.Kind.ToString().ToLowerInvariant(),
            string.Join(',', group.Parameters.Select(parameter => parameter.Name)),
            string.Join(',', group.Parameters.Select(parameter => $"[{string.Join(", ", parameter.Shape)}]").Distinct()),
            group.LearningRate,
            group.WeightDecay,
            group.Kind == OptimizerKind.Muon ? $"{group.Beta2}" : $"{group.Beta1},{group.Beta2}",
            group.Kind == OptimizerKind.Muon ? group.ShapeScale : group.Epsilon
        );
}
