using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>
/// A block whose activations are not kept: the backward pass computes them again (activation checkpointing, arXiv:1604.06174). Everything
/// that the block reads is an input of this one node of the graph, so gradients meet and are added in the same order as without it, and
/// dropout masks are functions of their place: the bytes are the same.
/// </summary>
internal sealed class RecomputedBlock : autograd.SingleTensorFunction<RecomputedBlock>
{
    public override string Name => nameof(RecomputedBlock);

    /// <param name="compute">The block as a function of <paramref name="inputs"/>; called with others of the same shapes.</param>
    /// <param name="inputs">All tensors that the block reads and that may want a gradient.</param>
    /// <param name="gradients">Holds what the backward pass returns; the caller of the backward pass releases the last ones
    /// afterwards.</param>
    public static Tensor Run(Func<IReadOnlyList<Tensor>, Tensor> compute, IReadOnlyList<Tensor> inputs, RecomputedGradients gradients) =>
        apply([compute, gradients, .. inputs]);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var inputs = vars.Skip(2).Cast<Tensor>().ToList();
        ctx.save_for_backward(inputs);
        ctx.save_data("compute", vars[0]);
        ctx.save_data("gradients", vars[1]);
        return ((Func<IReadOnlyList<Tensor>, Tensor>)vars[0])(inputs);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var handedOver = (RecomputedGradients)ctx.get_data("gradients");
        handedOver.Release();
        using var scope = NewDisposeScope();
        using var grad = enable_grad();
        var compute = (Func<IReadOnlyList<Tensor>, Tensor>)ctx.get_data("compute");
        var inputs = ctx.get_saved_variables().ConvertAll(saved => saved.detach().requires_grad_(true));
        var gradients = autograd.grad([compute(inputs)], inputs, [grad_output]);
        return [null!, null!, .. handedOver.Keep([.. gradients.Select(gradient => gradient.DetachFromDisposeScope())])];
    }
}
