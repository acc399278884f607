namespace Slowrun.Core.Schedules;

/// <summary>Factors of the weight decay, as upstream's tracks compute them.</summary>
public static class WeightDecays
{
    /// <summary>From <paramref name="floor"/> where the learning rate's factor is 1, up to 1 where it is at its own floor (record
    /// 12).</summary>
    public static double InverseToLearningRate(double learningRate, double learningRateFloor, double floor) =>
        floor + ((1 - floor) * (1 - learningRate) / (1 - learningRateFloor));

    /// <summary>1, then a line down to the floor, then within each averaged epoch a rise from floor to peak (the 1-hour track).</summary>
    /// <param name="hold">Fraction of the steps before the line.</param>
    public static double Sawtooth(int step, int steps, double dataEpochs, int averaged, double hold, double floor, double peak)
    {
        if (LearningRates.AveragedPosition(step, steps, dataEpochs, averaged) is { } fraction)
        {
            return floor + ((peak - floor) * fraction);
        }

        var begin = hold * steps;
        var end = steps - (averaged * (steps / dataEpochs));
        return step <= begin ? 1 : 1 + ((floor - 1) * (step - begin) / (end - begin));
    }

    /// <summary>Straight lines between points, constant outside them (the 15-minute track).</summary>
    /// <param name="points">Ascending steps.</param>
    public static double Piecewise(int step, IReadOnlyList<(double Step, double Factor)> points)
    {
        ArgumentNullException.ThrowIfNull(points);
        for (var i = 0; i < points.Count; i++)
        {
            var (at, factor) = points[i];
            if (step <= at)
            {
                var (before, from) = i == 0 ? points[0] : points[i - 1];
                return at == before ? factor : from + ((factor - from) * (step - before) / (at - before));
            }
        }

        return points.Count == 0 ? 1 : points[^1].Factor;
    }
}
