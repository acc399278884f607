namespace Slowrun.Training.Kernels;

/// <summary>One visit of a layer in a forward pass.</summary>
internal sealed class LayerVisit : IDisposable
{
    public required int Layer { get; set; }

    /// <summary>[n, C]: the residual stream when the layer is done with it.</summary>
    public required Matrix Stream { get; init; }

    /// <summary>Its own, or all visits' where no backward pass follows.</summary>
    public required Activations Activations { get; init; }

    /// <summary>Whose output is added as a skip; null: none.</summary>
    public LayerVisit? Skip { get; set; }

    /// <summary>False: the block was left out.</summary>
    public bool Kept { get; set; }

    /// <summary>[n, C]: of the skips that read this visit's output.</summary>
    public Matrix? SkipGradient { get; set; }

    /// <summary>Whether anything has been written there in this backward pass.</summary>
    public bool HasSkipGradient { get; set; }

    public void Dispose()
    {
        Stream.Dispose();
        SkipGradient?.Dispose();
    }
}
