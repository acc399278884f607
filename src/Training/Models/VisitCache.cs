using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>Keys and values of one visit of a layer.</summary>
internal sealed class VisitCache(KeyValueCache owner) : IDisposable
{
    private Tensor? keys;
    private Tensor? values;
    private Tensor? last;

    /// <summary>Tokens before those that are being read.</summary>
    public long Length => owner.Length;

    /// <summary>The newest key before any offset, [B, 1, H, d]; null where there is none.</summary>
    public Tensor? LastKey => owner.Length > 0 ? last : null;

    /// <summary>Adds the keys and values of the tokens that are being read.</summary>
    /// <param name="k">[B, T, H, d], before any offset.</param>
    /// <param name="shifted">The keys that are attended to.</param>
    /// <returns>Those of all tokens so far, [B, Length + T, H, d]; views, to be disposed by the caller's scope.</returns>
    public (Tensor Keys, Tensor Values) Append(Tensor k, Tensor shifted, Tensor v)
    {
        var (first, length) = (owner.Length, k.shape[1]);
        keys ??= Room(shifted);
        values ??= Room(v);
        last ??= empty_like(k.narrow(1, 0, 1)).DetachFromDisposeScope();
        keys.narrow(1, first, length).copy_(shifted);
        values.narrow(1, first, length).copy_(v);
        last.copy_(k.narrow(1, length - 1, 1));
        return (keys.narrow(1, 0, first + length), values.narrow(1, 0, first + length));
    }

    public void Dispose()
    {
        keys?.Dispose();
        values?.Dispose();
        last?.Dispose();
    }

    private Tensor Room(Tensor like)
    {
        var shape = like.shape;
        return zeros([shape[0], owner.Capacity, shape[2], shape[3]], like.dtype, like.device).DetachFromDisposeScope();
    }
}
