using Slowrun.Core.Efficiency;
using Slowrun.Core.Mixtures;
using Slowrun.Storage.Runs;

namespace Slowrun.Reading.Efficiency;

/// <summary>p(target) of several models on one set, opened together.</summary>
internal sealed class Vectors(IReadOnlyList<ScoreVector> opened) : IDisposable
{
    public void Dispose()
    {
        foreach (var vector in opened)
        {
            vector.Dispose();
        }
    }

    public LossBlocks Blocks(int model)
    {
        var p = opened[model].P;
        var blocks = LossBlocks.Of(p.Length, i => -Math.Log(Math.Max(p.Span[i], Mixture.SmallestProbability)));
        opened[model].Check();
        return blocks;
    }

    /// <param name="weights">Of the first <paramref name="count"/>; null: all alike.</param>
    public JudgedModel Mixed(string name, int count, IReadOnlyList<double>? weights)
    {
        var mixture = Mixture.Of(opened.Take(count).Select(vector => vector.P), weights);
        foreach (var vector in opened.Take(count))
        {
            vector.Check();
        }

        return new JudgedModel(name, mixture.LossNats(), LossBlocks.Of(opened[0].P.Length, mixture.Nats));
    }
}
