namespace Slowrun.Core.Schedules;

/// <summary>Factors of the learning rate, as upstream's tracks compute them. Rounding to whole steps is to even, as Python's.</summary>
public static class LearningRates
{
    /// <summary>1, then falling to 0 within the last <paramref name="warmdown"/> of the steps (record 9; the 1-hour track: power
    /// 0.5).</summary>
    public static double Trapezoid(int step, int steps, double warmdown, double power = 1)
    {
        CheckStep(step, steps);
        var down = (int)Math.Round(warmdown * steps, MidpointRounding.ToEven);
        // Not Pow where it is 1: upstream's plain division rounds otherwise.
        return step <= steps - down ? 1
            : power == 1 ? (double)(steps - step) / down
            : Math.Pow((double)(steps - step) / down, power);
    }

    /// <summary>
    /// A continued stage: rises from the floor, falls to it along a line, then along half a cosine (record 12). With neither warmup nor
    /// warmdown a line from 1 that ends just above the floor.
    /// </summary>
    public static double Cycle(int step, int steps, double warmup, double warmdown, double floor)
    {
        CheckStep(step, steps);
        var up = (int)(steps * warmup);
        var down = (int)(steps * warmdown);
        if (step < up)
        {
            return floor + ((1 - floor) * step / up);
        }

        return step < steps - down
            ? floor + ((1 - floor) * (1 - ((double)(step - up) / (steps - up - down))))
            : floor * (1 + Math.Cos(Math.PI * (step - steps + down) / down)) / 2;
    }

    /// <summary>
    /// Within each of the last data epochs, a cosine from the trapezoid's value down to a floor (SWA, arXiv:1803.05407; the 1-hour and
    /// 15-minute tracks). Upstream's epochs are not whole numbers of steps, nor is where they begin.
    /// </summary>
    /// <param name="trapezoid">The factor without this.</param>
    public static double AveragedEpochs(double trapezoid, int step, int steps, double dataEpochs, int averaged, double floor)
    {
        var position = AveragedPosition(step, steps, dataEpochs, averaged);
        if (position is not { } fraction)
        {
            return trapezoid;
        }

        var peak = Math.Max(trapezoid, floor);
        return floor + ((peak - floor) * (1 + Math.Cos(Math.PI * fraction)) / 2);
    }

    /// <summary>How far a step is in its averaged epoch, 0 up to 1; null before the first.</summary>
    internal static double? AveragedPosition(int step, int steps, double dataEpochs, int averaged)
    {
        CheckStep(step, steps);
        var stepsPerEpoch = steps / dataEpochs;
        var start = steps - (averaged * stepsPerEpoch);
        return averaged == 0 || step < start ? null : (step - start) % stepsPerEpoch / stepsPerEpoch;
    }

    /// <summary>
    /// Beyond its end a schedule would go on below 0, or have no real value: upstream's would, one step further.
    /// </summary>
    internal static void CheckStep(int step, int steps)
    {
        if (step < 0 || step > steps)
        {
            throw new ArgumentOutOfRangeException(nameof(step), step, $"The schedule is of {steps} steps.");
        }
    }
}
