namespace Slowrun.Core.Recipes;

/// <summary>Chain distillation (arXiv:1503.02531): loss = (1-α)·CE + α·T²·KL(teacher ‖ student).</summary>
public sealed record DistillationRecipe
{
    public double Alpha { get; init; } = 0.7;

    public double Temperature { get; init; } = 1.0;

    /// <summary>The first stage of the chain that has a teacher.</summary>
    public int FromStage { get; init; } = 1;
}
