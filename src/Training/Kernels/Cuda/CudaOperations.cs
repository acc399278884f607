using Slowrun.Training.Models;
using static TorchSharp.torch;

namespace Slowrun.Training.Kernels.Cuda;

/// <summary>The kernels of a device as operations with autograd: each of <see cref="BlockKernels"/> is a node of the graph.</summary>
/// <param name="handedOver">Results of backward passes, returned to autograd; the caller of a pass releases the last of them.</param>
internal sealed class CudaOperations(BlockKernels block, RecomputedGradients handedOver) : IBlockOperations
{
    private BlockKernels Kernels => block;

    public Tensor Linear(Tensor x, Tensor weight) => nn.functional.linear(x.to(block.Type), weight.to(block.Type));

    public Tensor Norm(Tensor x) => AddNode.Run(this, x, null, DropoutMask.None, norm: true)[0];

    public (Tensor X, Tensor? Normed) Mix(Tensor before, Tensor? encoded, Tensor x0, Tensor lambda, Tensor lambda0, Tensor? skip, bool norm)
    {
        var mixed = MixNode.Run(this, before, encoded, x0, lambda, lambda0, skip, norm);
        return (mixed[0], norm ? mixed[1] : null);
    }

    public (Tensor X, Tensor? Normed) Add(Tensor x, Tensor branch, Dropout? dropout, int place, bool norm)
    {
        var mask = dropout is null ? DropoutMask.None : DropoutMask.Of(dropout.KeyOf(place), dropout.Probability);
        var found = AddNode.Run(this, x, branch, mask, norm);
        return (found[0], norm ? found[1] : null);
    }

    public Tensor SwiGlu(Tensor gates) => SwiGluNode.Run(this, gates);

    public (Tensor Q, Tensor K, Tensor V) Split(
        Tensor qkv,
        RotaryTable rotary,
        long first,
        Tensor? embedded,
        Tensor? gate,
        long length,
        long heads
    )
    {
        long[] shape = [qkv.shape[0] / length, length, heads, qkv.shape[1] / 3 / heads];
        var found = SplitNode.Run(
            this,
            qkv,
            rotary.Cos.narrow(0, first, length),
            rotary.Sin.narrow(0, first, length),
            embedded,
            gate,
            (int)length,
            (int)heads
        );
        return (found[0].view(shape), found[1].view(shape), found[2].view(shape));
    }

    public Tensor Open(Tensor y, Tensor gate) => OpenNode.Run(this, y.contiguous().view(y.shape[0] * y.shape[1], -1), gate);

    /// <summary>Runs a node's backward pass.</summary>
    /// <param name="compute">Gets the saved tensors; returns a gradient for each argument of the node after the first.</param>
    private List<Tensor> Back(autograd.AutogradContext context, Func<List<Tensor>, Tensor?[]> compute)
    {
        // Autograd has taken over the results of the previous node.
        handedOver.Release();
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var gradients = compute(context.get_saved_variables());
        handedOver.Keep([.. gradients.OfType<Tensor>().Select(gradient => gradient.DetachFromDisposeScope())]);
        return [null!, .. gradients.Select(gradient => gradient!)];
    }

    /// <summary>Leaves absent arguments out: autograd accepts tensors only.</summary>
    private static object[] Present(params object?[] arguments) => [.. arguments.OfType<object>()];

    private sealed class MixNode : autograd.MultiTensorFunction<MixNode>
    {
        public override string Name => "Mix";

        public static List<Tensor> Run(
            CudaOperations operations,
            Tensor before,
            Tensor? encoded,
            Tensor x0,
            Tensor lambda,
            Tensor lambda0,
            Tensor? skip,
            bool norm
        ) => apply(Present(operations, norm, before, x0, lambda, lambda0, encoded, skip));

        public override List<Tensor> forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var (operations, norm) = ((CudaOperations)vars[0], (bool)vars[1]);
            Tensor[] given = [.. vars.Skip(2).Cast<Tensor>()];
            var (encoded, skip) = given.Length > 4 ? (given[4], given[5]) : (null, (Tensor?)null);
            var (x, normed, factors) = operations.Kernels.Mix(given[0], encoded, given[1], given[2], given[3], skip, norm);
            // Without a norm only the shape of x is needed.
            ctx.save_for_backward(norm ? [.. given, x.detach(), factors!] : [.. given]);
            ctx.save_data("operations", operations);
            ctx.save_data("norm", norm);
            return norm ? [x, normed!] : [x];
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, List<Tensor> grad_outputs)
        {
            var (operations, norm) = ((CudaOperations)ctx.get_data("operations"), (bool)ctx.get_data("norm"));
            return operations.Back(
                ctx,
                saved =>
                {
                    var (encoded, skip) = saved.Count > 6 || (saved.Count == 6 && !norm) ? (saved[4], saved[5]) : (null, (Tensor?)null);
                    var found = operations.Kernels.MixBack(
                        grad_outputs[0].contiguous(),
                        norm ? grad_outputs[1].contiguous() : null,
                        norm ? saved[^2] : saved[0],
                        norm ? saved[^1] : null,
                        saved[0],
                        encoded,
                        saved[1],
                        saved[2],
                        saved[3],
                        skip
                    );
                    Tensor[] scalars = [.. found.Scalars.to(ScalarType.Float32).unbind()];
                    Tensor?[] always = [null, found.Before, found.X0, scalars[0], scalars[1]];
                    return encoded is null ? always : [.. always, found.Encoded, scalars[2]];
                }
            );
        }
    }

    private sealed class AddNode : autograd.MultiTensorFunction<AddNode>
    {
        public override string Name => "Add";

        /// <returns>Sum and norm, either of which may be absent.</returns>
        public static List<Tensor> Run(CudaOperations operations, Tensor x, Tensor? branch, DropoutMask mask, bool norm) =>
            apply(Present(operations, new Kind(mask, branch is not null, norm), x, branch));

        public override List<Tensor> forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var (operations, kind, x) = ((CudaOperations)vars[0], (Kind)vars[1], (Tensor)vars[2]);
            var (sum, normed, factors) = operations.Kernels.AddNorm(x, kind.Branch ? (Tensor)vars[3] : null, kind.Mask, kind.Norm);
            // Without a norm only the shape of the sum is needed, and the gradient has the same shape.
            ctx.save_for_backward(kind.Norm ? [sum.detach(), factors!] : []);
            ctx.save_data("operations", operations);
            ctx.save_data("kind", kind);
            return [.. kind.Branch ? [sum] : (Tensor[])[], .. kind.Norm ? [normed!] : (Tensor[])[]];
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, List<Tensor> grad_outputs)
        {
            var (operations, kind) = ((CudaOperations)ctx.get_data("operations"), (Kind)ctx.get_data("kind"));
            return operations.Back(
                ctx,
                saved =>
                {
                    var ofSum = kind.Branch ? grad_outputs[0].contiguous() : null;
                    var (x, branch) = operations.Kernels.AddNormBack(
                        ofSum,
                        kind.Norm ? grad_outputs[^1].contiguous() : null,
                        kind.Norm ? saved[0] : ofSum!,
                        kind.Norm ? saved[1] : null,
                        kind.Mask,
                        kind.Branch
                    );
                    return kind.Branch ? [null, x, branch] : [null, x];
                }
            );
        }

        private sealed record Kind(DropoutMask Mask, bool Branch, bool Norm);
    }

    private sealed class SwiGluNode : autograd.SingleTensorFunction<SwiGluNode>
    {
        public override string Name => "SwiGlu";

        public static Tensor Run(CudaOperations operations, Tensor gates) => apply(operations, gates);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var (operations, gates) = ((CudaOperations)vars[0], (Tensor)vars[1]);
            ctx.save_for_backward([gates]);
            ctx.save_data("operations", operations);
            return operations.Kernels.SwiGlu(gates);
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            var operations = (CudaOperations)ctx.get_data("operations");
            return operations.Back(ctx, saved => [operations.Kernels.SwiGluBack(saved[0], grad_output.contiguous())]);
        }
    }

    private sealed class SplitNode : autograd.MultiTensorFunction<SplitNode>
    {
        public override string Name => "Split";

        public static List<Tensor> Run(
            CudaOperations operations,
            Tensor qkv,
            Tensor cos,
            Tensor sin,
            Tensor? embedded,
            Tensor? gate,
            int length,
            int heads
        ) => apply(Present(operations, new Kind(length, heads), qkv, cos, sin, embedded, gate));

        public override List<Tensor> forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var (operations, kind) = ((CudaOperations)vars[0], (Kind)vars[1]);
            Tensor[] given = [.. vars.Skip(2).Cast<Tensor>()];
            var (embedded, gate) = given.Length > 3 ? (given[3], given[4]) : (null, (Tensor?)null);
            var (q, k, v, factors) = operations.Kernels.Split(given[0], given[1], given[2], embedded, gate, kind.Length, kind.Heads);
            ctx.save_for_backward([factors, .. given]);
            ctx.save_data("operations", operations);
            ctx.save_data("kind", kind);
            return [q, k, v];
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, List<Tensor> grad_outputs)
        {
            var (operations, kind) = ((CudaOperations)ctx.get_data("operations"), (Kind)ctx.get_data("kind"));
            return operations.Back(
                ctx,
                saved =>
                {
                    var (embedded, gate) = saved.Count > 4 ? (saved[4], saved[5]) : (null, (Tensor?)null);
                    var found = operations.Kernels.SplitBack(
                        grad_outputs[0].contiguous(),
                        grad_outputs[1].contiguous(),
                        grad_outputs[2].contiguous(),
                        saved[1],
                        saved[0],
                        saved[2],
                        saved[3],
                        embedded,
                        gate,
                        kind.Length,
                        kind.Heads
                    );
                    Tensor?[] always = [null, found.Qkv, null, null];
                    return embedded is null ? always : [.. always, found.Embedded, found.Gate];
                }
            );
        }

        private sealed record Kind(int Length, int Heads);
    }

    private sealed class OpenNode : autograd.SingleTensorFunction<OpenNode>
    {
        public override string Name => "Open";

        public static Tensor Run(CudaOperations operations, Tensor y, Tensor gate) => apply(operations, y, gate);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var (operations, y, gate) = ((CudaOperations)vars[0], (Tensor)vars[1], (Tensor)vars[2]);
            ctx.save_for_backward([y, gate]);
            ctx.save_data("operations", operations);
            return operations.Kernels.Open(y, gate);
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            var operations = (CudaOperations)ctx.get_data("operations");
            return operations.Back(
                ctx,
                saved =>
                {
                    var (y, gate) = operations.Kernels.OpenBack(grad_output.contiguous(), saved[0], saved[1]);
                    return [y, gate];
                }
            );
        }
    }
}
