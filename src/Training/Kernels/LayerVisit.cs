namespace Slowrun.Training.Kernels;

/// <summary>One visit of a layer in a forward pass.</summary>
internal sealed class LayerVisit : IDisposable
{
    public required int Layer { get; set; }

    /// <summary>[n, C]: the residual stream after the layer.</summary>
    public required Matrix Stream { get; init; }

    /// <summary>Its own; shared by all visits if no backward pass follows.</summary>
    public required Activations Activations { get; init; }

    /// <summary>The visit whose output is added as a skip connection; null: none.</summary>
    public LayerVisit? Skip { get; set; }

    /// <summary>False: stochastic depth left the block out.</summary>
    public bool Kept { get; set; }

    /// <summary>[n, C]: the gradient from the skip connections that read this visit's output.</summary>
    public Matrix? SkipGradient { get; set; }

    /// <summary>Whether this backward pass has written <see cref="SkipGradient"/>.</summary>
    public bool HasSkipGradient { get; set; }

    public void Dispose()
    {
        Stream.Dispose();
        SkipGradient?.Dispose();
    }
}
