namespace Slowrun.Training.Kernels;

/// <summary>What a visit of a layer keeps for its backward pass. n tokens, C wide.</summary>
internal sealed class Activations : IDisposable
{
    private readonly List<Matrix> all = [];

    public Activations(in HeadShape shape, int hidden)
    {
        long n = shape.Rows,
            heads = shape.Heads;
        Normalised = Keep(Matrix.Empty(n, shape.Channels));
        NormalisedBy = Keep(Matrix.Empty(1, n));
        ValueGate = Keep(Matrix.Empty(n, heads));
        AttentionGate = Keep(Matrix.Empty(n, heads));
        Queries = Keep(Matrix.Empty(1, shape.Packed));
        Keys = Keep(Matrix.Empty(1, shape.Packed));
        Values = Keep(Matrix.Empty(1, shape.Packed));
        QueriesBy = Keep(Matrix.Empty(n, heads));
        KeysBy = Keep(Matrix.Empty(n, heads));
        Sums = Keep(Matrix.Empty(1, n * heads));
        Attended = Keep(Matrix.Empty(n, shape.Channels));
        MlpNormalised = Keep(Matrix.Empty(n, shape.Channels));
        MlpNormalisedBy = Keep(Matrix.Empty(1, n));
        Gates = Keep(Matrix.Empty(n, 2L * hidden));
        Hidden = Keep(Matrix.Empty(n, hidden));
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

    /// <summary>[n, hidden].</summary>
    public Matrix Hidden { get; }

    public void Dispose() => all.ForEach(matrix => matrix.Dispose());

    private Matrix Keep(Matrix matrix)
    {
        all.Add(matrix);
        return matrix;
    }
}
