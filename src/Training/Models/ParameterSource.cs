using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>
/// Tensors that share the storage of flat parameters: with gradients, leaves whose <c>.grad</c> lies in the given buffer, so that a
/// backward pass adds in place and several workers can have leaves of the same parameters; without, plain views. Where matrices lie
/// below each other, one leaf covers them.
/// </summary>
internal sealed class ParameterSource : IParameterSource, IDisposable
{
    private readonly FlatParameters parameters;
    private readonly Tensor flat;
    private readonly FlatGradients? gradients;
    private readonly List<Tensor> leaves = [];

    /// <param name="gradients">Null: plain views.</param>
    public ParameterSource(FlatParameters parameters, FlatGradients? gradients)
        : this(parameters, parameters.Flat, gradients) { }

    private ParameterSource(FlatParameters parameters, Tensor flat, FlatGradients? gradients) =>
        (this.parameters, this.flat, this.gradients) = (parameters, flat, gradients);

    /// <summary>Plain views of gradients, laid out as the parameters.</summary>
    public static ParameterSource OfGradients(FlatParameters parameters, FlatGradients gradients) => new(parameters, gradients.Flat, null);

    public Tensor Of(string name)
    {
        var place = parameters.Layout[name];
        return Leaf(place.Offset, place.Spec.Count, [.. place.Spec.Shape]);
    }

    public Tensor Rows(params ReadOnlySpan<string> names)
    {
        var first = parameters.Layout[names[0]];
        long rows = 0,
            end = first.Offset;
        foreach (var name in names)
        {
            var place = parameters.Layout[name];
            if (place.Offset != end || place.Spec.Shape[1] != first.Spec.Shape[1])
            {
                throw new InvalidOperationException($"'{name}' does not lie behind '{names[0]}': the layout and the model disagree.");
            }

            rows += place.Spec.Shape[0];
            end += place.Spec.Count;
        }

        return Leaf(first.Offset, end - first.Offset, [rows, first.Spec.Shape[1]]);
    }

    public Tensor Head(string name, long rows)
    {
        var place = parameters.Layout[name];
        return Leaf(place.Offset, rows * place.Spec.Shape[1], [rows, place.Spec.Shape[1]]);
    }

    public void Dispose()
    {
        foreach (var leaf in leaves)
        {
            leaf.Dispose();
        }
    }

    private Tensor Leaf(long offset, long count, long[] shape)
    {
        using var scope = NewDisposeScope();
        // Without detach() the leaves of all workers would be one autograd node and share one .grad.
        var leaf = flat.narrow(0, offset, count).view(shape).detach();
        if (gradients is not null)
        {
            leaf.requires_grad_(true);
            leaf.grad = gradients.Flat.narrow(0, offset, count).view(shape);
        }

        leaves.Add(leaf.DetachFromDisposeScope());
        return leaf;
    }
}
