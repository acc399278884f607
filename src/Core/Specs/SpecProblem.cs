using System.Globalization;

namespace Slowrun.Core.Specs;

/// <summary>One thing wrong with a spec.</summary>
/// <param name="Source">The file, preset or <c>--set</c> it stands in.</param>
/// <param name="Line">Counted from 1; 0 where the source has no lines.</param>
/// <param name="Path">For example <c>recipe.model.layers</c>; empty: the file as a whole.</param>
/// <param name="Message">Found, expected, what to do.</param>
public sealed record SpecProblem(string Source, int Line, int Column, string Path, string Message)
{
    private const int LongestShown = 60;

    public override string ToString()
    {
        var place = Line > 0 ? string.Create(CultureInfo.InvariantCulture, $"{Source}:{Line}:{Column}") : Source;
        return Path.Length > 0 ? $"{place}: {Path}: {Message}" : $"{place}: {Message}";
    }

    /// <summary>What a spec says, for a message that stays a line.</summary>
    internal static string Shortened(string text) => text.Length <= LongestShown ? text : text[..LongestShown] + "…";
}
