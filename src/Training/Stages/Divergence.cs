using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using Slowrun.Core.Tensors;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Stages;

/// <summary>Finds the first values of a training that are not finite. Called after a failure, and once for each snapshot.</summary>
internal static class Divergence
{
    // The bits of a float32 exponent: all of them are set in infinities and NaN, and in nothing else.
    private const uint ExponentBits = 0x7F80_0000;

    /// <summary>Explains a step whose loss or gradient norm is not finite.</summary>
    /// <param name="step">Steps done, this one included.</param>
    /// <param name="parameters">As they are after the step's update.</param>
    public static DivergedException OfStep(string stage, int step, StepResult result, FlatParameters parameters)
    {
        var what = double.IsFinite(result.LossNats)
            ? Invariant(
                $"The gradient norm of {stage} became {result.GradientNorm} at step {step}, with a training loss of {result.LossNats:G6}"
            )
            : Invariant($"The training loss of {stage} became {result.LossNats} at step {step}");
        // Where the loss itself is not finite the update before it had often spoilt the parameters already: they show which first.
        var where = FirstOf(parameters) is { } name ? $"; parameter '{name}' is not finite after it." : ".";
        return new DivergedException(what + where);
    }

    /// <summary>Explains an update whose factors do not fit float32, an error for which libtorch has a message of its own; null: another
    /// error.</summary>
    public static DivergedException? OfUpdate(string stage, int step, Exception error) =>
        error.Message.Contains("without overflow", StringComparison.Ordinal)
            ? new DivergedException(
                Invariant(
                    $"A factor of the update of {stage} at step {step} (learning rate, weight decay or their product) is too large for float32, which ends at 3.4e38."
                ),
                error
            )
            : null;

    /// <exception cref="DivergedException">A number of a weight is not finite: which weight, and how many of its numbers.</exception>
    public static void CheckSnapshot(string stage, int step, IReadOnlyList<TensorData> weights)
    {
        foreach (var weight in weights)
        {
            if (CountNonFinite(weight) is > 0 and var count)
            {
                throw new DivergedException(
                    Invariant(
                        $"{count} of the {weight.Bytes.Length / sizeof(float)} numbers of weight '{weight.Name}' of {stage} are not finite after step {step}, its last."
                    )
                );
            }
        }
    }

    private static string? FirstOf(FlatParameters parameters)
    {
        using var noGradient = no_grad();
        foreach (var place in parameters.Layout.Parameters)
        {
            using var scope = NewDisposeScope();
            // A sum is finite only if every term is, unless it overflows: then the parameters are as good as lost.
            if (!double.IsFinite(Scalars.Read(parameters[place.Name].to(ScalarType.Float64).sum())[0]))
            {
                return place.Name;
            }
        }

        return null;
    }

    private static long CountNonFinite(TensorData weight)
    {
        if (weight.Type != ElementType.F32)
        {
            return 0;
        }

        var numbers = MemoryMarshal.Cast<byte, uint>(weight.Bytes.Span);
        var exponent = new Vector<uint>(ExponentBits);
        var found = false;
        var i = 0;
        for (; i <= numbers.Length - Vector<uint>.Count && !found; i += Vector<uint>.Count)
        {
            found = Vector.EqualsAny(new Vector<uint>(numbers[i..]) & exponent, exponent);
        }

        var start = found ? i - Vector<uint>.Count : i;
        long count = 0;
        foreach (var bits in numbers[start..])
        {
            count += (bits & ExponentBits) == ExponentBits ? 1 : 0;
        }

        return count;
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
