using Slowrun.Core.Recipes;

namespace Slowrun.Core.Models;

/// <summary>
/// Upstream's optimizer groups: AdamW for tables and scalars, then Muon for the matrices, stacked by shape, smallest first.
/// </summary>
public static class ParameterGroups
{
    /// <summary>Of a stage: what layers read that come in later is in groups of its own.</summary>
    /// <param name="parameters">In registration order (<see cref="ParameterTable.Of"/>).</param>
    public static IReadOnlyList<ParameterGroup> Of(IReadOnlyList<ParameterSpec> parameters, ModelRecipe model, StageRecipe stage)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(stage);
        return Of(
            parameters,
            stage.Optimizer,
            parameter => parameter.Layer is { } layer ? DepthPhase.StartOf(stage.Depth, model.Layers, layer) : 0
        );
    }

    /// <param name="parameters">In registration order (<see cref="ParameterTable.Of"/>).</param>
    public static IReadOnlyList<ParameterGroup> Of(IReadOnlyList<ParameterSpec> parameters, OptimizerRecipe recipe) =>
        Of(parameters, recipe, _ => 0);

    private static List<ParameterGroup> Of(
        IReadOnlyList<ParameterSpec> parameters,
        OptimizerRecipe recipe,
        Func<ParameterSpec, double> fromFraction
    )
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(recipe);
        var multiplier = recipe.LearningRateMultiplier;
        var scalar = recipe.ScalarLearningRate * multiplier;
        var groups = new List<ParameterGroup>();
        AddAdamW([ParameterRole.Unembedding], recipe.UnembeddingLearningRate * multiplier, 0.8, 0.95, recipe.WeightDecay);
        AddAdamW([ParameterRole.Embedding], recipe.EmbeddingLearningRate * multiplier, 0.8, 0.95, recipe.WeightDecay);
        AddAdamW([ParameterRole.NormGain, ParameterRole.NormBias], scalar, 0.8, 0.95, 0);
        AddAdamW([ParameterRole.ResidualLambda], scalar * 0.01, 0.8, 0.95, 0);
        AddAdamW([ParameterRole.X0Lambda], scalar, 0.96, 0.95, 0);
        AddAdamW([ParameterRole.SkipWeight], scalar * 0.01, 0.8, 0.95, 0);
        AddAdamW([ParameterRole.HeadMix], recipe.HeadMixLearningRate, 0.8, 0.95, 0);
        if (recipe.AttentionGates == GateOptimizer.AdamW)
        {
            AddAdamW([ParameterRole.AttentionGate], scalar, 0.9, 0.99, 0);
        }

        AddAdamW([ParameterRole.XsaAlpha], scalar, 0.9, 0.95, 0);
        groups.AddRange(Muon(parameters.Except(groups.SelectMany(group => group.Parameters)), recipe, fromFraction));
        return groups;

        void AddAdamW(ParameterRole[] roles, double learningRate, double beta1, double beta2, double weightDecay)
        {
            groups.AddRange(
                from member in parameters
                where roles.Contains(member.Role)
                group member by fromFraction(member) into together
                orderby together.Key
                select new ParameterGroup
                {
                    Kind = OptimizerKind.AdamW,
                    Parameters = [.. together],
                    LearningRate = learningRate,
                    Beta1 = beta1,
                    Beta2 = beta2,
                    WeightDecay = weightDecay,
                    FromFraction = together.Key,
                }
            );
        }
    }

    /// <summary>The layout in which each group is one range.</summary>
    public static ParameterLayout Layout(IReadOnlyList<ParameterSpec> parameters, IReadOnlyList<ParameterGroup> groups) =>
        new(parameters, [.. groups.Select(group => group.Parameters.Select(parameter => parameter.Name).ToArray())]);

    private static IEnumerable<ParameterGroup> Muon(
        IEnumerable<ParameterSpec> matrices,
        OptimizerRecipe recipe,
        Func<ParameterSpec, double> fromFraction
    ) =>
        from matrix in matrices
        group matrix by (Rows: matrix.Shape[0], Columns: matrix.Shape[1], From: fromFraction(matrix)) into shape
        orderby shape.Key.Rows, shape.Key.Columns, shape.Key.From
        select new ParameterGroup
        {
            Kind = OptimizerKind.Muon,
            Parameters = [.. shape],
            LearningRate = recipe.MatrixLearningRate * recipe.LearningRateMultiplier,
            WeightDecay = recipe.WeightDecay,
            FromFraction = shape.Key.From,
            ShapeScale = Math.Sqrt(Math.Max(1.0, (double)shape.Key.Rows / shape.Key.Columns)),
        };
}
