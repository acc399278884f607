namespace Slowrun.Core.Efficiency;

/// <summary>
/// The baseline of NanoGPT Slowrun (github.com/qlabs-eng/slowrun, data_eff/README.md): one pass over so many tokens of FineWeb in GPT-2's
/// tokens, the best of its models d12, d20 and d26 at each count. With it a run at full scale has its factor without a baseline of its own.
/// </summary>
public static class UpstreamBaseline
{
    /// <summary>The name of GPT-2's tokenizer in data manifests.</summary>
    public const string Tokenizer = "gpt2";

    /// <summary>The training tokens of all its records.</summary>
    public const long TrainTokens = 100_000_000;

    // A data set is cut at whole documents or rows by some programs: it is the same data with a little less.
    private const double Tolerance = 0.01;

    public static IReadOnlyList<BaselinePoint> Points { get; } =
    [
        new(200_000_000, 3.703),
        new(400_000_000, 3.370),
        new(600_000_000, 3.200),
        new(800_000_000, 3.123),
        new(1_000_000_000, 3.046),
        new(2_000_000_000, 2.892),
    ];

    /// <summary>Whether a run's data may be what the table was measured on: same tokens, same size. That the text is FineWeb's a hash does
    /// not tell.</summary>
    public static bool Suits(string tokenizer, long trainTokens) =>
        tokenizer == Tokenizer && Math.Abs(trainTokens - TrainTokens) <= Tolerance * TrainTokens;
}
