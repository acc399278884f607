namespace Slowrun.Core.Mixtures;

/// <summary>Loss per byte of text, which models of other tokenizers can be compared by.</summary>
public struct BitsPerByte
{
    private double nats;
    private long bytes;

    /// <param name="tokenNats">-ln p of a target.</param>
    /// <param name="tokenBytes">Bytes of text it stands for; of none (special tokens): it does not count, nor does its loss.</param>
    public void Add(double tokenNats, int tokenBytes)
    {
        if (tokenBytes > 0)
        {
            nats += tokenNats;
            bytes += tokenBytes;
        }
    }

    public readonly double Value => nats / (Math.Log(2) * bytes);
}
