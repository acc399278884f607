using Slowrun.Client.Corpus;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Preparation;

/// <summary>
/// Deals documents out to the sets as upstream does (prepare_data.py): in their order, validation first, then fitness, then training. A
/// set has exactly the tokens that were asked for; its last document is cut, and the next set begins with the next document.
/// </summary>
internal sealed class TokenSplit
{
    private readonly List<(string Name, TokenFileWriter File, long Wanted)> sets = [];
    private int current;
    private bool open;

    public TokenSplit(DataDirectoryWriter directory, PreparationOptions options)
    {
        if (options.ValidationTokens > 0)
        {
            sets.Add(("validation", directory.Validation, options.ValidationTokens));
        }

        if (options.FitnessTokens > 0)
        {
            sets.Add(("fitness", directory.Fitness, options.FitnessTokens));
        }

        sets.Add(("training", directory.Train, options.TrainTokens ?? long.MaxValue));
    }

    /// <summary>Whether no more documents are wanted.</summary>
    public bool IsFull => current == sets.Count - 1 && sets[current].File.Length == sets[current].Wanted;

    /// <summary>Tokens that go into files.</summary>
    public long Kept => sets.Sum(set => set.File.Length);

    /// <param name="continues">The ids belong to the document before.</param>
    public void Add(ReadOnlySpan<ushort> ids, bool continues)
    {
        if (!continues)
        {
            // A set that the document before filled up is done with; what is left of that document is nobody's.
            current += sets[current].File.Length == sets[current].Wanted ? 1 : 0;
            sets[current].File.BeginDocument();
            open = true;
        }

        var (_, file, wanted) = sets[current];
        if (open)
        {
            file.Append(ids[..(int)Math.Min(ids.Length, wanted - file.Length)]);
        }
    }

    /// <summary>There is no document here that others could go on with.</summary>
    public void Break() => open = false;

    /// <exception cref="CorpusException">A set has less than was asked for.</exception>
    public void CheckComplete()
    {
        foreach (var (name, file, wanted) in sets)
        {
            if (file.Length == 0 || (wanted != long.MaxValue && file.Length < wanted))
            {
                throw new CorpusException(
                    FormattableString.Invariant($"There is too little text: it gives {Kept} tokens, of which {file.Length} are left for {name}; ")
                    + (wanted == long.MaxValue ? "at least 1 is needed. Give more files, or ask for less." : FormattableString.Invariant($"{wanted} were asked for. Give more files, or ask for less.")));
            }
        }
    }
}
