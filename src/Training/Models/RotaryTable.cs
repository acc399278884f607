using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Numerics;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>
/// Rotary position tables (arXiv:2104.09864), half-split: channel j of a head turns with channel j + d/2, (u1, u2) to
/// (u1·c + u2·s, u2·c - u1·s). As u·[c, c] + swap(u)·[s, -s], which is three large operations rather than nine.
/// </summary>
internal sealed class RotaryTable : IDisposable
{
    private static readonly TorchSharp.Scalar One = Scalars.Of(1.0);

    private readonly int half;

    /// <param name="cos">[T, d/2], float32 or double.</param>
    /// <param name="sin">[T, d/2].</param>
    public RotaryTable(Tensor cos, Tensor sin)
    {
        half = (int)cos.shape[1];
        using var scope = NewDisposeScope();
        Cos = cat([cos, cos], 1).unsqueeze(1).DetachFromDisposeScope();
        Sin = cat([sin, sin.neg()], 1).unsqueeze(1).DetachFromDisposeScope();
    }

    /// <summary>[T, 1, d].</summary>
    public Tensor Cos { get; }

    /// <summary>[T, 1, d]: of the first half of a head, and of the second with the opposite sign.</summary>
    public Tensor Sin { get; }

    /// <summary>Of the finished model.</summary>
    public static RotaryTable Of(ModelRecipe model, Device device) => Of(model, AttentionWindows.Of(model).Wide, device);

    /// <param name="longWindow">Which the model has grown to.</param>
    public static RotaryTable Of(ModelRecipe model, int longWindow, Device device)
    {
        // Frequencies and angles are rounded to float32 as upstream's are: at position 2000 that shows in the fourth decimal.
        var frequencies = RotaryFrequencies.Of(model, longWindow);
        var pairs = frequencies.Length;
        var cos = new float[model.SequenceLength * pairs];
        var sin = new float[cos.Length];
        for (var j = 0; j < pairs; j++)
        {
            for (var t = 0; t < model.SequenceLength; t++)
            {
                var angle = t * frequencies[j];
                cos[(t * pairs) + j] = (float)Math.Cos(angle);
                sin[(t * pairs) + j] = (float)Math.Sin(angle);
            }
        }

        using var scope = NewDisposeScope();
        return new RotaryTable(Table(cos), Table(sin));

        Tensor Table(float[] values)
        {
            var table = tensor(values, model.SequenceLength, pairs);
            table = model.RopePrecision == RopePrecision.BF16 ? table.to(ScalarType.BFloat16).to(ScalarType.Float32) : table;
            return table.to(device);
        }
    }

    /// <summary>Turns heads [B, T, n, d] at positions first..first+T-1.</summary>
    public Tensor Turn(Tensor heads, long first = 0)
    {
        var length = heads.shape[1];
        var cos = Cos.shape[0] == length ? Cos : Cos.narrow(0, first, length);
        var sin = Sin.shape[0] == length ? Sin : Sin.narrow(0, first, length);
        return heads.mul(cos).addcmul(heads.roll(half, -1), sin, One);
    }

    public void Dispose()
    {
        Cos.Dispose();
        Sin.Dispose();
    }
}
