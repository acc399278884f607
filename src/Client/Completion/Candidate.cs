namespace Slowrun.Client.Completion;

/// <summary>A completion of a word of a command line.</summary>
/// <param name="Text">The whole word. One that ends with <c>=</c> or <c>/</c> is not finished with it.</param>
internal sealed record Candidate(string Text, string? Description = null)
{
    /// <summary>Not a word but an instruction to the shell's script: offer files too.</summary>
    public static readonly Candidate Files = new(":files");

    /// <summary>Likewise: folders.</summary>
    public static readonly Candidate Folders = new(":folders");

    /// <summary>A line for the scripts: the word, and what they may show beside it.</summary>
    public override string ToString() => Description is { Length: > 0 } about ? $"{Text}\t{about}" : Text;
}
