namespace Slowrun.Core.Mixtures;

/// <summary>The even mixture of the first 1, 2, … members, judged as each is added.</summary>
public sealed class RunningMixture
{
    private readonly List<double> lossNats = [];
    private ProbabilityMixture? mixture;

    /// <summary>Loss in nats per target after each member.</summary>
    public IReadOnlyList<double> LossNats => lossNats;

    /// <param name="p">p(target) for every target, in order; all members' have one length.</param>
    public void Add(ReadOnlySpan<float> p)
    {
        mixture ??= new ProbabilityMixture(p.Length);
        mixture.Add(p);
        lossNats.Add(mixture.LossNats());
    }

    /// <summary>Bits per byte of all members' mixture.</summary>
    /// <param name="targetBytes">Bytes that each target stands for.</param>
    public double BitsPerByte(ReadOnlySpan<int> targetBytes) =>
        (mixture ?? throw new InvalidOperationException("There is no member yet.")).BitsPerByte(targetBytes);
}
