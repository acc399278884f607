namespace Slowrun.Training.Kernels;

/// <summary>What a visit of a layer keeps for its backward pass. n tokens, C wide.</summary>
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

    /// <summary>[n, C]: what attention reads.</summary>
    public Matrix Normalised { get; }

    /// <summary>[n]: by what its rows were multiplied.</summary>
    public Matrix NormalisedBy { get; }

    /// <summary>[n, H], between 0 and 1.</summary>
    public Matrix ValueGate { get; }

    public Matrix AttentionGate { get; }

    /// <summary>[B, H, T, padded d], turned and normalised.</summary>
    public Matrix Queries { get; }

    public Matrix Keys { get; }

    public Matrix Values { get; }

    public Matrix QueriesBy { get; }

    public Matrix KeysBy { get; }

    /// <summary>[B, H, T]: 1 over the sum of each query's exponentials.</summary>
    public Matrix Sums { get; }

    /// <summary>[n, C]: what attention gives, behind its gate.</summary>
    public Matrix Attended { get; }

    /// <summary>[n, C]: what the MLP reads.</summary>
    public Matrix MlpNormalised { get; }

    public Matrix MlpNormalisedBy { get; }

    /// <summary>[n, 2·hidden].</summary>
    public Matrix Gates { get; }

    public void Dispose() => all.Dispose();
}
