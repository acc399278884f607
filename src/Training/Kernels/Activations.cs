namespace Slowrun.Training.Kernels;

/// <summary>The activations that one visit of a layer keeps for its backward pass: n tokens of width C.</summary>
internal sealed class Activations : IDisposable
{
    private readonly OwnedMatrices all = new();

    public Activations(in HeadShape shape, int hidden)
    {
        long n = shape.Rows,
            heads = shape.Heads;
        try
        {
            Normalised = all.Add(Matrix.Empty(n, shape.Channels));
            NormalisedBy = all.Add(Matrix.Empty(1, n));
            ValueGate = all.Add(Matrix.Empty(n, heads));
            AttentionGate = all.Add(Matrix.Empty(n, heads));
            Queries = all.Add(Matrix.Empty(1, shape.Packed));
            Keys = all.Add(Matrix.Empty(1, shape.Packed));
            Values = all.Add(Matrix.Empty(1, shape.Packed));
            QueriesBy = all.Add(Matrix.Empty(n, heads));
            KeysBy = all.Add(Matrix.Empty(n, heads));
            Sums = all.Add(Matrix.Empty(1, n * heads));
            Attended = all.Add(Matrix.Empty(n, shape.Channels));
            MlpNormalised = all.Add(Matrix.Empty(n, shape.Channels));
            MlpNormalisedBy = all.Add(Matrix.Empty(1, n));
            Gates = all.Add(Matrix.Empty(n, 2L * hidden));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>[n, C]: the normalised input of attention.</summary>
    public Matrix Normalised { get; }

    /// <summary>[n]: the factor of each row of <see cref="Normalised"/>.</summary>
    public Matrix NormalisedBy { get; }

    /// <summary>[n, H], between 0 and 1.</summary>
    public Matrix ValueGate { get; }

    public Matrix AttentionGate { get; }

    /// <summary>[B, H, T, padded d], after rotary positions and the norm.</summary>
    public Matrix Queries { get; }

    public Matrix Keys { get; }

    public Matrix Values { get; }

    public Matrix QueriesBy { get; }

    public Matrix KeysBy { get; }

    /// <summary>[B, H, T]: 1 / the sum of each query's exponentials.</summary>
    public Matrix Sums { get; }

    /// <summary>[n, C]: the gated output of attention.</summary>
    public Matrix Attended { get; }

    /// <summary>[n, C]: the normalised input of the MLP.</summary>
    public Matrix MlpNormalised { get; }

    public Matrix MlpNormalisedBy { get; }

    /// <summary>[n, 2·hidden].</summary>
    public Matrix Gates { get; }

    public void Dispose() => all.Dispose();
}
