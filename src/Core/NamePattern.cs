using System.IO.Enumeration;

namespace Slowrun.Core;

/// <summary>Names as a person looks for them: <c>*</c> stands for any characters, <c>?</c> for one; upper and lower case are
/// alike.</summary>
public static class NamePattern
{
    /// <summary>Whether the whole name is as the pattern.</summary>
    public static bool Matches(string pattern, string name) => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: true);

    /// <summary>Whether a text without <c>*</c> and <c>?</c> is part of the name; one with them is matched with all of it.</summary>
    public static bool Finds(string text, string name)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.AsSpan().ContainsAny('*', '?') ? Matches(text, name) : name.Contains(text, StringComparison.OrdinalIgnoreCase);
    }
}
