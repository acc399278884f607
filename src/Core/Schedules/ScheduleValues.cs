namespace Slowrun.Core.Schedules;

/// <summary>What a schedule says of one optimizer step.</summary>
/// <param name="LearningRate">Factor of every learning rate.</param>
/// <param name="Momentum">Muon's momentum itself.</param>
/// <param name="WeightDecay">Factor of every weight decay.</param>
public readonly record struct ScheduleValues(double LearningRate, double Momentum, double WeightDecay);
