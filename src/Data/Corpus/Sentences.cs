using System.Text;

namespace Slowrun.Data.Corpus;

/// <summary>A sentence, and a form of it in which names and numbers are one symbol: two of the same form tell a model nothing
/// new.</summary>
internal readonly record struct Sentence(string Text, string Form);

/// <summary>Cuts prose into sentences as it is appended.</summary>
internal sealed class Sentences
{
    private const string Symbol = "#";

    private readonly List<Sentence> done = [];
    private readonly StringBuilder text = new();
    private readonly StringBuilder form = new();
    private readonly StringBuilder word = new();
    private bool wordHasName;

    /// <summary>Ordinary words.</summary>
    public void Append(string words)
    {
        foreach (var c in words)
        {
            if (char.IsWhiteSpace(c))
            {
                EndWord();
            }
            else
            {
                word.Append(c);
            }
        }
    }

    /// <summary>A name of the program text, joined to what stands right before and after it.</summary>
    public void AppendName(string name)
    {
        word.Append(name.Trim());
        wordHasName = true;
    }

    /// <summary>Ends the sentence, whatever its last word was.</summary>
    public void Break()
    {
        EndWord();
        EndSentence();
    }

    /// <summary>What was appended so far; begins anew.</summary>
    public IReadOnlyList<Sentence> Take()
    {
        Break();
        Sentence[] taken = [.. done];
        done.Clear();
        return taken;
    }

    private void EndWord()
    {
        if (word.Length == 0)
        {
            return;
        }

        var written = word.ToString();
        var bare = written.Trim('.', ',', ';', ':', '!', '?', '(', ')', '"', '\'');
        text.Append(text.Length > 0 ? " " : "").Append(written);
        if (bare.Length > 0)
        {
            form.Append(' ').Append(wordHasName || IsName(bare) ? Symbol : bare.ToLowerInvariant());
        }

        word.Clear();
        wordHasName = false;
        if (EndsSentence(written))
        {
            EndSentence();
        }
    }

    private void EndSentence()
    {
        if (form.ToString() is var key && key.Any(char.IsLetter))
        {
            done.Add(new Sentence(text.ToString(), key));
        }

        text.Clear();
        form.Clear();
    }

    private static bool EndsSentence(string written) =>
        written.TrimEnd(')', '"', '\'') is [.., '.' or '!' or '?'] end
        && !end.EndsWith("e.g.", StringComparison.OrdinalIgnoreCase)
        && !end.EndsWith("i.e.", StringComparison.OrdinalIgnoreCase);

    /// <summary>Numbers, and words that are spelt as program text is: an inner capital, a digit, a sign.</summary>
    private static bool IsName(string bare)
    {
        for (var i = 0; i < bare.Length; i++)
        {
            if (char.IsDigit(bare[i]) || (i > 0 && char.IsUpper(bare[i])) || "_.()[]<>=/\\`:@$".Contains(bare[i]))
            {
                return true;
            }
        }

        return false;
    }
}
