using System.Buffers;
using Slowrun.Core.Tokens;
using Slowrun.Data.Corpus;
using Slowrun.Data.Tokenizers;
using Slowrun.Storage.Tokens;

namespace Slowrun.Data.Preparation;

/// <summary>A set to fill.</summary>
/// <param name="Wanted">Tokens; null: all that come.</param>
internal sealed record FilledSet(string Name, string Option, TokenFileWriter File, long? Wanted)
{
    public long WantedOrAll => Wanted ?? long.MaxValue;

    public bool IsFull => File.Length == WantedOrAll;
}

/// <summary>
/// Deals documents out to the sets as upstream does (prepare_data.py): in their order, validation first, then fitness, then training. A
/// set has exactly the tokens that were asked for; its last document is cut, and the next set begins with the next document. Unlike
/// upstream's, the rest of the cut document is not lost where it is long, or where no document follows: it goes on in the next set.
/// </summary>
internal sealed class TokenSplit(IReadOnlyList<FilledSet> sets, TextTokenizer tokenizer, InputAccount account)
{
    /// <summary>
    /// A rest of fewer tokens is left out where other documents follow. Under it lie nearly all documents of a crawl, of which the sets are
    /// then apart; beyond it, most of a small data set may be one document.
    /// </summary>
    internal const int LongRestTokens = 4_096;

    // Beyond it a set is so large that the rest is nothing beside it, and the same sets as upstream's are worth more.
    private const int SharesOfSet = 100;

    private const int TailTokens = 8;

    // So much of a rest may be given up for an end of a paragraph.
    private const int SharesOfRest = 4;

    private readonly int[] textBytes = [.. Enumerable.Range(0, tokenizer.VocabSize).Select(id => tokenizer.BytesOf(id).Length)];
    private readonly List<ushort> tail = [];
    private int current;
    private bool open;
    private string source = "";
    private ArrayBufferWriter<ushort>? rest;

    /// <summary>Whether no more documents are wanted.</summary>
    public bool IsFull => current == sets.Count - 1 && sets[current].IsFull;

    /// <summary>Tokens that go into files.</summary>
    public long Kept => sets.Sum(set => set.File.Length);

    /// <summary>UTF-8 bytes of text in each set, by its name.</summary>
    public Dictionary<string, long> TextBytes { get; } = sets.ToDictionary(set => set.Name, _ => 0L);

    /// <summary>Which sets have something of the document that was added last.</summary>
    public string CurrentSet => sets[current].Name;

    /// <param name="continues">The ids belong to the document before.</param>
    /// <param name="file">Where they are from, for people.</param>
    public void Add(ReadOnlySpan<ushort> ids, bool continues, string file)
    {
        if (!continues)
        {
            LeaveRestOut();
            current += sets[current].IsFull ? 1 : 0;
            sets[current].File.BeginDocument();
            (open, source) = (true, file);
            tail.Clear();
        }

        if (open)
        {
            Put(ids);
        }
        else
        {
            account.Add("parts of documents whose beginning is no document (--skip-bad)", BytesOf(ids), 0);
        }
    }

    /// <summary>There is no document here that others could go on with.</summary>
    public void Break()
    {
        open = false;
    }

    /// <summary>No document follows.</summary>
    /// <exception cref="CorpusException">A set has less than was asked for.</exception>
    public void Finish()
    {
        while (rest is not null)
        {
            GoOn();
        }

        foreach (var (name, option, file, wanted) in sets)
        {
            if (file.Length == 0 || file.Length < wanted)
            {
                throw new CorpusException(
                    FormattableString.Invariant(
                        $"There is too little text: it gives {Kept} tokens, of which {file.Length} are left for {name}; "
                    )
                        + (wanted is null ? "at least 1 is needed." : FormattableString.Invariant($"{wanted} were asked for ({option})."))
                        + " Give more files, or ask for less."
                );
            }
        }
    }

    private void Put(ReadOnlySpan<ushort> ids)
    {
        if (rest is null)
        {
            var set = sets[current];
            var fits = ids[..(int)Math.Min(ids.Length, set.WantedOrAll - set.File.Length)];
            set.File.Append(fits);
            TextBytes[set.Name] += BytesOf(fits);
            Remember(fits);
            ids = ids[fits.Length..];
            if (ids.IsEmpty)
            {
                return;
            }

            if (current == sets.Count - 1)
            {
                account.Add(Beyond(set), BytesOf(ids), 0);
                return;
            }

            rest = new ArrayBufferWriter<ushort>(ids.Length);
        }

        rest.Write(ids);
        if (rest.WrittenCount >= Math.Max(LongRestTokens, sets[current].WantedOrAll / SharesOfSet))
        {
            GoOn();
        }
    }

    /// <summary>What is said of input for which there is no room.</summary>
    public static string Beyond(FilledSet set) => FormattableString.Invariant($"beyond the {set.Wanted} tokens of {set.Option}");

    /// <summary>Makes the rest of the document a document of the next set.</summary>
    private void GoOn()
    {
        var ids = rest!.WrittenSpan;
        rest = null;
        var (at, kind) = TextBreak.Find(
            System.Runtime.InteropServices.CollectionsMarshal.AsSpan(tail),
            ids,
            (ids.Length - 1) / SharesOfRest,
            tokenizer
        );
        var from = sets[current];
        var to = sets[++current];
        var between = BytesOf(ids[..at]);
        account.Add(new DividedDocument(source, from.Name, to.Name, kind, between));
        account.Add("between the parts of divided documents", between, 0);
        to.File.BeginDocument();
        tail.Clear();
        Put([tokenizer.DocumentStart]);
        Put(ids[at..]);
    }

    private void LeaveRestOut()
    {
        if (rest is not null)
        {
            account.Add(
                $"ends of documents that the end of a set cuts, each under {Math.Max(LongRestTokens, sets[current].WantedOrAll / SharesOfSet)} tokens",
                BytesOf(rest.WrittenSpan),
                1
            );
            rest = null;
        }
    }

    private long BytesOf(ReadOnlySpan<ushort> ids)
    {
        var bytes = 0L;
        foreach (var id in ids)
        {
            bytes += textBytes[id];
        }

        return bytes;
    }

    private void Remember(ReadOnlySpan<ushort> ids)
    {
        foreach (var id in ids[Math.Max(0, ids.Length - TailTokens)..])
        {
            tail.Add(id);
        }

        if (tail.Count > TailTokens)
        {
            tail.RemoveRange(0, tail.Count - TailTokens);
        }
    }
}
