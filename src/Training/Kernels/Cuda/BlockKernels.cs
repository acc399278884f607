using static TorchSharp.torch;

namespace Slowrun.Training.Kernels.Cuda;

/// <summary>
/// The kernels of a block between its matrix products, forward and backward. The residual stream is float32; operands and results of
/// products have <see cref="Type"/>. Results are new tensors in the caller's dispose scope.
/// </summary>
internal sealed class BlockKernels(CudaKernels kernels, ScalarType type)
{
    /// <summary>The type of the operands of products.</summary>
    public ScalarType Type => type;

    /// <summary>x = lambda (before + skip·encoded) + lambda0·x0, and rms(x).</summary>
    /// <param name="before">[n, C] float32, as encoded and x0.</param>
    /// <param name="encoded">Null: no skip.</param>
    /// <param name="lambda">A float32 scalar on the device, as the other two.</param>
    /// <param name="norm">Whether to compute the norm.</param>
    /// <returns>x, float32; rms(x); [n]: the normalisation factor of each row.</returns>
    public (Tensor X, Tensor? Normed, Tensor? Factors) Mix(
        Tensor before,
        Tensor? encoded,
        Tensor x0,
        Tensor lambda,
        Tensor lambda0,
        Tensor? skip,
        bool norm
    )
    {
        var (n, c) = Shape(before);
        var x = empty_like(before);
        var (normed, factors) = norm ? (Like(x), Factors(n, x)) : (null, (Tensor?)null);
        kernels.Launch("mix", n, before, encoded, x0, lambda, lambda0, skip, x, normed, factors, c);
        return (x, normed, factors);
    }

    /// <summary>The backward pass of <see cref="Mix"/>.</summary>
    /// <param name="dx">The gradient of x, without the part through the norm.</param>
    /// <param name="dNormed">Null: there was no norm.</param>
    /// <returns>The gradients of before, encoded and x0; and [3] float64, those of the three scalars.</returns>
    public (Tensor Before, Tensor? Encoded, Tensor X0, Tensor Scalars) MixBack(
        Tensor dx,
        Tensor? dNormed,
        Tensor x,
        Tensor? factors,
        Tensor before,
        Tensor? encoded,
        Tensor x0,
        Tensor lambda,
        Tensor lambda0,
        Tensor? skip
    )
    {
        var (n, c) = Shape(x);
        var (dBefore, dEncoded, dX0) = (empty_like(x), encoded is null ? null : empty_like(x), empty_like(x));
        using var parts = empty([n, 3], ScalarType.Float64, x.device);
        kernels.Launch(
            "mix_back",
            n,
            dx,
            dNormed,
            x,
            factors,
            before,
            encoded,
            x0,
            lambda,
            lambda0,
            skip,
            dBefore,
            dEncoded,
            dX0,
            parts,
            c
        );
        return (dBefore, dEncoded, dX0, Summed(kernels, parts));
    }

    /// <summary>sum = x + drop(branch), and rms(sum).</summary>
    /// <param name="branch">Null: x itself is normalised.</param>
    /// <param name="norm">Whether to compute the norm.</param>
    /// <returns>The sum, float32, or x itself without a branch; the norm; [n]: the normalisation factor of each row.</returns>
    public (Tensor Sum, Tensor? Normed, Tensor? Factors) AddNorm(Tensor x, Tensor? branch, in DropoutMask mask, bool norm)
    {
        var (n, c) = Shape(x);
        var sum = branch is null ? x : empty_like(x);
        var (normed, factors) = norm ? (Like(x), Factors(n, x)) : (null, (Tensor?)null);
        kernels.Launch("add_norm", n, x, branch, mask.Key, mask.Threshold, mask.Scale, sum, normed, factors, c);
        return (sum, normed, factors);
    }

    /// <summary>The backward pass of <see cref="AddNorm"/>.</summary>
    /// <param name="dSum">The gradient of the sum, without the part through the norm; null: there is no other part.</param>
    /// <param name="dNormed">Null: there was no norm.</param>
    /// <returns>The gradients of x, float32, and of the branch.</returns>
    public (Tensor X, Tensor? Branch) AddNormBack(
        Tensor? dSum,
        Tensor? dNormed,
        Tensor sum,
        Tensor? factors,
        in DropoutMask mask,
        bool branch
    )
    {
        var (n, c) = Shape(sum);
        var (dx, dBranch) = (empty_like(sum), branch ? Like(sum) : null);
        kernels.Launch("add_norm_back", n, dSum, dNormed, sum, factors, mask.Key, mask.Threshold, mask.Scale, dx, dBranch, c);
        return (dx, dBranch);
    }

    /// <param name="gates">[n, 2·hidden].</param>
    /// <returns>[n, hidden].</returns>
    public Tensor SwiGlu(Tensor gates)
    {
        var (n, width) = Shape(gates);
        var h = empty([n, width / 2], type, gates.device);
        kernels.Launch("swiglu", n, gates, h, width / 2);
        return h;
    }

    public Tensor SwiGluBack(Tensor gates, Tensor dh)
    {
        var (n, width) = Shape(gates);
        var dGates = empty_like(gates);
        kernels.Launch("swiglu_back", n, gates, dh, dGates, width / 2);
        return dGates;
    }

    /// <summary>Queries and keys with rotary positions and norm, values with the gated value embedding.</summary>
    /// <param name="qkv">[n, 3C].</param>
    /// <param name="cos">[T, 1, d] float32, as sin: <see cref="Models.RotaryTable"/>.</param>
    /// <param name="embedded">[n, C]; null: none.</param>
    /// <param name="gate">[n, H], before its sigmoid; null if <paramref name="embedded"/> is.</param>
    /// <returns>[n, C] each; and [n, 2H]: the normalisation factors of queries and keys.</returns>
    public (Tensor Q, Tensor K, Tensor V, Tensor Factors) Split(
        Tensor qkv,
        Tensor cos,
        Tensor sin,
        Tensor? embedded,
        Tensor? gate,
        int length,
        int heads
    )
    {
        var (n, width) = Shape(qkv);
        var (c, d) = (width / 3, width / 3 / heads);
        Tensor[] parts = [.. Enumerable.Range(0, 3).Select(_ => empty([n, c], type, qkv.device))];
        var factors = empty([n, 2 * heads], ScalarType.Float32, qkv.device);
        kernels.Launch("split", n, qkv, cos, sin, embedded, gate, parts[0], parts[1], parts[2], factors, length, heads, d);
        return (parts[0], parts[1], parts[2], factors);
    }

    /// <summary>The backward pass of <see cref="Split"/>.</summary>
    public (Tensor Qkv, Tensor? Embedded, Tensor? Gate) SplitBack(
        Tensor dq,
        Tensor dk,
        Tensor dv,
        Tensor qkv,
        Tensor factors,
        Tensor cos,
        Tensor sin,
        Tensor? embedded,
        Tensor? gate,
        int length,
        int heads
    )
    {
        var (n, width) = Shape(qkv);
        var (dQkv, dEmbedded, dGate) = (
            empty_like(qkv),
            embedded is null ? null : empty_like(embedded),
            gate is null ? null : empty_like(gate)
        );
        kernels.Launch(
            "split_back",
            n,
            dq,
            dk,
            dv,
            qkv,
            factors,
            cos,
            sin,
            embedded,
            gate,
            dQkv,
            dEmbedded,
            dGate,
            length,
            heads,
            width / 3 / heads
        );
        return (dQkv, dEmbedded, dGate);
    }

    /// <summary>σ(gate)·y of each head.</summary>
    /// <param name="y">[n, C].</param>
    /// <param name="gate">[n, H].</param>
    public Tensor Open(Tensor y, Tensor gate)
    {
        var (n, c) = Shape(y);
        var (heads, opened) = ((int)gate.shape[1], empty_like(y));
        kernels.Launch("open_heads", n, y, gate, opened, heads, c / heads);
        return opened;
    }

    public (Tensor Y, Tensor Gate) OpenBack(Tensor dOpened, Tensor y, Tensor gate)
    {
        var (n, c) = Shape(y);
        var (heads, dy, dGate) = ((int)gate.shape[1], empty_like(y), empty_like(gate));
        kernels.Launch("open_heads_back", n, dOpened, y, gate, dy, dGate, heads, c / heads);
        return (dy, dGate);
    }

    /// <summary>The sum of each column, [k], in a fixed order.</summary>
    /// <param name="parts">[n, k] float64.</param>
    public static Tensor Summed(CudaKernels kernels, Tensor parts)
    {
        var (n, k) = Shape(parts);
        var sums = empty([k], ScalarType.Float64, parts.device);
        kernels.Launch("sum_rows", k, parts, n, k, sums);
        return sums;
    }

    private static (int Rows, int Columns) Shape(Tensor x) => (checked((int)x.shape[0]), checked((int)x.shape[1]));

    private Tensor Like(Tensor x) => empty(x.shape, type, x.device);

    private static Tensor Factors(long rows, Tensor x) => empty([rows], ScalarType.Float32, x.device);
}
