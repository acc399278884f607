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

    /// <summary>The even mixtures of the first 2, 3, … of them, each one pass over the targets.</summary>
    public IEnumerable<JudgedModel> Running(Func<int, string> name)
    {
        var mixture = new ProbabilityMixture(opened[0].P.Length);
        foreach (var vector in opened)
        {
            mixture.Add(vector.P.Span);
            vector.Check();
            if (mixture.Members > 1)
            {
                yield return Judged(name(mixture.Members), mixture) with
                {
                    Members = mixture.Members,
                };
            }
        }
    }

    /// <param name="weights">One for each of them.</param>
    public JudgedModel Mixed(string name, IReadOnlyList<double> weights)
    {
        var mixture = Mixture.Of(opened.Select(vector => vector.P), weights);
        foreach (var vector in opened)
        {
            vector.Check();
        }

        return Judged(name, mixture);
    }

    private JudgedModel Judged(string name, ProbabilityMixture mixture) =>
        new(name, mixture.LossNats(), LossBlocks.Of(opened[0].P.Length, mixture.Nats));
}
