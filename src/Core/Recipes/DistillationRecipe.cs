using System.ComponentModel.DataAnnotations;

namespace Slowrun.Core.Recipes;

/// <summary>Distillation (arXiv:1503.02531): loss = (1-α)·CE + α·T²·KL(teacher ‖ student).</summary>
public sealed record DistillationRecipe
{
    [Range(0.0, 1.0)]
    public double Alpha { get; init; } = 0.7;

    [Range(0, double.PositiveInfinity, MinimumIsExclusive = true)]
    public double Temperature { get; init; } = 1.0;

    /// <summary>The first stage of the chain that is taught by an earlier one.</summary>
    [Range(1, int.MaxValue, ErrorMessage = "stage 0 has none before it to teach it")]
    public int FromStage { get; init; } = 1;

    /// <summary>Which earlier models of the chain teach. Null: the one before (record 9).</summary>
    public ChainTeacher? Teacher { get; init; }
}

public enum ChainTeacher
{
    /// <summary>The model before.</summary>
    Previous,

    /// <summary>All models before, from the chain's first on: the mean of their predictions, taken as the ensemble's is.</summary>
    AllEarlier,
}
