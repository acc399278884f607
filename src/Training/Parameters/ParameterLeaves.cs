using static TorchSharp.torch;

namespace Slowrun.Training.Parameters;

/// <summary>
/// Leaf tensors of one worker: they share the parameters' storage, and each one's <c>.grad</c> is a view into one gradient buffer, so a
/// backward pass adds to the buffer in place. Several workers have leaves of the same parameters, each with its own buffer.
/// </summary>
public sealed class ParameterLeaves : IDisposable
{
    private readonly Dictionary<string, Tensor> leaves = [];

    internal ParameterLeaves(FlatParameters parameters, FlatGradients gradients)
    {
        using var scope = NewDisposeScope();
        foreach (var place in parameters.Layout.Parameters)
        {
            // Without detach() the leaves of all workers would be one autograd node and share one .grad.
            var leaf = parameters[place.Name].detach().requires_grad_(true);
            leaf.grad = gradients[place.Name];
            leaves.Add(place.Name, leaf.DetachFromDisposeScope());
        }
    }

    /// <summary>A leaf with gradient. Not to be disposed by the caller.</summary>
    public Tensor this[string name] => leaves[name];

    public void Dispose()
    {
        foreach (var leaf in leaves.Values)
        {
            leaf.Dispose();
        }
    }
}
