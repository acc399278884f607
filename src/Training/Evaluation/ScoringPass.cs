using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;
using Slowrun.Training.Numerics;
using static TorchSharp.torch;

namespace Slowrun.Training.Evaluation;

/// <summary>
/// p(target) batch by batch. Row r of a set reads tokens [rT, rT + T) and is judged on the tokens after them, so every token but the
/// first is judged exactly once; the last batch is padded, since another shape would give other bits.
/// </summary>
/// <param name="models">One, or several whose logits are averaged.</param>
internal sealed class ScoringPass(ModelRecipe model, int rows, IReadOnlyList<ScoredModel> models, Device device)
{
    private const long ChunkNumbers = 1L << 24;

    private readonly int perBatch = rows * model.SequenceLength;

    public long Batches(TokenSet set) => (Math.Max(set.Length - 1, 0) + perBatch - 1) / perBatch;

    /// <summary>Positions that a batch judges, in <c>into</c>'s numbering: target i is token i + 1.</summary>
    public (int Start, int Count) Range(TokenSet set, long batch)
    {
        var start = batch * perBatch;
        return (checked((int)start), (int)Math.Min(perBatch, set.Length - 1 - start));
    }

    /// <param name="into">
    /// The whole set's probabilities by the average of the first 1, 2, … models; this batch's range of them is written.
    /// </param>
    public void Score(TokenSet set, long batch, IReadOnlyList<float[]> into)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var (start, count) = Range(set, batch);
        var read = new int[perBatch + 1];
        set.Read(start, read.AsSpan(0, count + 1));
        var tokens = tensor(read, ScalarType.Int64, device);
        var inputs = tokens.narrow(0, 0, perBatch).view(rows, model.SequenceLength);
        var hidden = models.Select(scored => scored.Hidden(inputs)).ToList();
        var targets = tokens.narrow(0, 1, perBatch).unsqueeze(1);
        var chunk = Math.Max(1, ChunkNumbers / model.VocabSize);
        for (long row = 0; row < count; row += chunk)
        {
            using var inner = NewDisposeScope();
            var n = Math.Min(chunk, perBatch - row);
            var kept = (int)Math.Min(n, count - row);
            var logits = models.Zip(hidden, (scored, h) => scored.Logits(h.narrow(0, row, n)));
            foreach (var (index, p) in LogitAverage.TargetProbabilities(logits, targets.narrow(0, row, n)).Index())
            {
                Scalars.ReadSingles(p)[..kept].CopyTo(into[index].AsSpan(start + (int)row, kept));
            }
        }
    }

    /// <summary>Mean -ln p, in nats, with upstream's floor under p.</summary>
    public static double LossNats(ReadOnlySpan<float> probabilities)
    {
        double sum = 0;
        foreach (var p in probabilities)
        {
            sum -= Math.Log(Math.Max(p, 1e-12));
        }

        return sum / probabilities.Length;
    }
}
