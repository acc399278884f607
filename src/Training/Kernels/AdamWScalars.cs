namespace Slowrun.Training.Kernels;

/// <summary>What a step of AdamW multiplies with.</summary>
/// <param name="Decay">Of the parameters.</param>
/// <param name="New1">1 - <paramref name="Beta1"/>; likewise <paramref name="New2"/>.</param>
/// <param name="Root">1 / √(1 - beta2 to the step).</param>
/// <param name="Rate">The learning rate over 1 - beta1 to the step.</param>
internal readonly record struct AdamWScalars(
    float Decay,
    float Beta1,
    float New1,
    float Beta2,
    float New2,
    float Root,
    float Epsilon,
    float Rate
);
