using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;

namespace Slowrun.Data.Corpus;

/// <summary>The three token sets of a run, and what was done to get them.</summary>
public sealed record PreparedData
{
    public required ArrayTokenSet Train { get; init; }

    public required ArrayTokenSet? Fitness { get; init; }

    public required ArrayTokenSet Validation { get; init; }

    /// <summary>Share of validation's 40-byte windows that still stand in training.</summary>
    public required double ValidationOverlap { get; init; }

    /// <summary>One sentence for people, kept in the data's manifest.</summary>
    public required string Source { get; init; }

    /// <exception cref="CorpusException">No text, or too little.</exception>
    public static PreparedData FromSdkDocs(DataRecipe recipe) => NestedText.FromSdkDocs().Take(recipe);

    /// <exception cref="CorpusException">A file cannot be read, or there is too little text.</exception>
    /// <param name="trains">False: nothing is trained on it, so that a shorter training set will do. What is held out is the same.</param>
    public static PreparedData FromText(IReadOnlyList<string> files, DataRecipe recipe, bool trains = true) =>
        NestedText.FromText(files).Take(recipe, trains);

    internal static PreparedData Of(SplitText split, DataRecipe recipe, string source, bool trains)
    {
        var left = split.LeftOut;
        var train = trains
            ? ByteTokens.Take(split.Train, recipe.TrainTokens, "training", "data.trainTokens", left)
            : ByteTokens.TakeUpTo(split.Train, recipe.TrainTokens);
        var validation = ByteTokens.Take(split.Validation, recipe.ValidationTokens, "validation", "data.validationTokens", left);
        return new PreparedData
        {
            Train = train,
            Fitness =
                recipe.FitnessTokens == 0
                    ? null
                    : ByteTokens.Take(split.Fitness, recipe.FitnessTokens, "fitness", "data.fitnessTokens", left),
            Validation = validation,
            ValidationOverlap = Overlap(train, validation),
            Source = FormattableString.Invariant(
                $"{source}; {split.DroppedParagraphs} of {split.CheckedParagraphs} held-out paragraphs that shared {TextWindows.LengthBytes} characters with training dropped"
            ),
        };
    }

    private static double Overlap(ArrayTokenSet train, ArrayTokenSet validation)
    {
        var windows = new TextWindows();
        foreach (var text in ByteTokens.Texts(train))
        {
            windows.Add(text);
        }

        var (shared, all) = (0L, 0L);
        foreach (var text in ByteTokens.Texts(validation))
        {
            shared += windows.Shared(text);
            all += TextWindows.CountIn(text);
        }

        return all == 0 ? 0 : (double)shared / all;
    }
}
