using System.Runtime.InteropServices;
using Slowrun.Core.Randomness;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Averaging;

/// <summary>
/// Adds noise to weights before a chain goes on from them (record 12): p += z · std(p) · scale for every parameter, gates and lambdas
/// included; constant ones have a standard deviation of 0 and stay. Optimizer moments are kept.
/// </summary>
public static class Perturbation
{
    /// <param name="seed">One generator, through the parameters in registration order
    /// (<see cref="Core.Schedules.Cycles.PerturbationSeed"/>).</param>
    public static void Apply(FlatParameters parameters, double scale, long seed)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        using var noGradient = no_grad();
        var generator = new Mt19937(seed);
        foreach (var place in parameters.Layout.Parameters)
        {
            // A single number has no standard deviation, and draws nothing.
            if (place.Spec.Count > 1)
            {
                using var scope = NewDisposeScope();
                var p = parameters[place.Name];
                var noise = empty([.. place.Spec.Shape], ScalarType.Float32);
                generator.NextNormals(MemoryMarshal.Cast<byte, float>(noise.bytes));
                p.add_(noise.to(parameters.Device).mul_(p.std()).mul_(Scalars.Of(scale)), Scalars.One);
                if (place.Spec.Rounded)
                {
                    Rounding.ToBfloat16(p);
                }
            }
        }
    }
}
