namespace Slowrun.Core.Schedules;

/// <summary>How many steps a stage has, and at which of them something begins.</summary>
public static class StageLengths
{
    /// <summary>Optimizer steps of so many passes, to the nearest (to even, as Python's round), at least 1.</summary>
    /// <param name="tokensPerEpoch">Targets that a pass trains on (<see cref="Order.DataShape.TokensPerEpoch"/>).</param>
    public static int Steps(long tokensPerEpoch, double dataEpochs, int batchTokens) =>
        Math.Max(1, checked((int)Math.Round(tokensPerEpoch * dataEpochs / batchTokens, MidpointRounding.ToEven)));

    /// <summary>The first data epoch (from 1) that loops: the one after a fraction of them, rounded up. Fraction 0: the first.</summary>
    public static int LoopFirstEpoch(double fraction, double dataEpochs) => (int)Math.Ceiling(fraction * dataEpochs) + 1;

    /// <summary>
    /// The first step that loops: the first one whose first row belongs to <see cref="LoopFirstEpoch"/>. Upstream switches in the middle
    /// of an epoch's data only by throwing the rest of a batch away.
    /// </summary>
    public static int LoopFirstStep(double fraction, double dataEpochs, long tokensPerEpoch, int batchTokens)
    {
        var before = (LoopFirstEpoch(fraction, dataEpochs) - 1) * tokensPerEpoch;
        return checked((int)((before + batchTokens - 1) / batchTokens));
    }

    /// <summary>The first step after a fraction of all: where the whole network begins to recur (the 15-minute track).</summary>
    public static int FirstStepAfter(double fraction, int steps) => (int)Math.Ceiling(fraction * steps);
}
