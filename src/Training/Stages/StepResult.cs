namespace Slowrun.Training.Stages;

/// <summary>The result of one call of <see cref="StageTraining.RunStep"/>.</summary>
/// <param name="Completed">False: stopped before the step was done, with the state exactly as before it.</param>
/// <param name="LossNats">Mean of what the step's micro-batches were trained on, in nats per token: with a teacher, both parts.</param>
/// <param name="GradientNorm">Euclidean norm of the step's whole gradient, before clipping.</param>
public readonly record struct StepResult(bool Completed, double LossNats, double GradientNorm)
{
    public static StepResult Stopped { get; } = new(false, double.NaN, 0);

    /// <summary>Whether loss and gradient were finite. If not, the step was still taken.</summary>
    public bool Finite => !Completed || (double.IsFinite(LossNats) && double.IsFinite(GradientNorm));
}
