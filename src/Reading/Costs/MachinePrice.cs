namespace Slowrun.Reading.Costs;

/// <summary>What a machine costs, and how much of it a stage takes.</summary>
/// <param name="PerHour">Of one machine, in the currency that the user has in mind.</param>
/// <param name="From">Where the price is from, for people.</param>
/// <param name="StagesAtATime">How many stages a machine trains beside each other, 1 or more: each pays its part.</param>
public sealed record MachinePrice(double PerHour, string From, int StagesAtATime = 1)
{
    /// <summary>Hours of machines that so many seconds of stages with an owner come to.</summary>
    internal double Hours(double ownedSeconds) => ownedSeconds / 3600 / StagesAtATime;
}
