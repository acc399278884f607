namespace Slowrun.Training.Kernels;

/// <summary>The scalar factors of the end of a Muon step.</summary>
/// <param name="New2">1 - <paramref name="Beta2"/>.</param>
/// <param name="Rate">The learning rate.</param>
/// <param name="RateDecay">The learning rate times the weight decay.</param>
internal readonly record struct MuonScalars(float Beta2, float New2, float Rate, float RateDecay);
