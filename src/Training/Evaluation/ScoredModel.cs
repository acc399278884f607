using Slowrun.Training.Models;
using static TorchSharp.torch;

namespace Slowrun.Training.Evaluation;

/// <summary>The weights of a finished stage, and the forward pass to use with them.</summary>
internal sealed record ScoredModel(Gpt Gpt, GptWeights Weights, ForwardPass Pass)
{
    /// <param name="tokens">[rows, T] int64.</param>
    public Tensor Hidden(Tensor tokens) => Gpt.Hidden(Weights, tokens, Pass);

    /// <param name="hidden">[N, C].</param>
    public Tensor Logits(Tensor hidden) => Gpt.Logits(Weights, hidden);
}
