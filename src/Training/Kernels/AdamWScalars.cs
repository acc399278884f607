namespace Slowrun.Training.Kernels;

/// <summary>The scalar factors of one AdamW step.</summary>
/// <param name="Decay">Factor of the parameters.</param>
/// <param name="New1">1 - <paramref name="Beta1"/>; likewise <paramref name="New2"/>.</param>
/// <param name="Root">1 / √(1 - beta2^step).</param>
/// <param name="Rate">The learning rate / (1 - beta1^step).</param>
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
