using Slowrun.Core.Recipes;

namespace Slowrun.Data.Corpus;

/// <summary>
/// Text divided into the three sets, from whose fronts token sets of any size are taken. Which text is held out does not depend on the
/// sizes: of two training sets the shorter one is the beginning of the longer one, and both are judged on the same validation set.
/// </summary>
public sealed class NestedText
{
    private readonly SplitText split;
    private readonly string source;

    private NestedText(IReadOnlyList<TextDocument> documents, string source, int repeated = 0) =>
        (split, this.source) = (DocumentSplit.Split(documents) with { Repeated = repeated }, source);

    /// <summary>All there are for training.</summary>
    public long TrainTokens => split.Train.Sum(document => document.Length + 1L);

    /// <exception cref="CorpusException">No text.</exception>
    public static NestedText FromSdkDocs()
    {
        var folder = SdkDocsFolder.Find();
        var version = Path.GetFileName(Path.GetDirectoryName(Path.GetDirectoryName(folder)));
        return new NestedText(SdkDocsText.Read(folder), $"API documentation of .NET {version}");
    }

    /// <exception cref="CorpusException">A file cannot be read.</exception>
    public static NestedText FromText(IReadOnlyList<string> files)
    {
        var (documents, repeated) = PlainText.Read(files);
        return new(documents, $"text of {string.Join(", ", files.Select(Path.GetFileName).Order(StringComparer.Ordinal))}", repeated);
    }

    /// <param name="trains">False: nothing is trained on it, so that a shorter training set will do.</param>
    /// <exception cref="CorpusException">There is too little text.</exception>
    public PreparedData Take(DataRecipe recipe, bool trains = true)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        return PreparedData.Of(split, recipe, source, trains);
    }
}
