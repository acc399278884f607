using System.Buffers;

namespace Slowrun.Core.Specs;

/// <summary>Names of runs: <c>[a-z0-9][a-z0-9-]{0,62}</c>, so that they are object names, file names and command line words
/// alike.</summary>
public static class RunNames
{
    public const string Expected = "expected 1 to 63 of a-z, 0-9 and '-', not beginning with '-'";

    /// <summary>The same as a regular expression.</summary>
    public const string Pattern = "^[a-z0-9][a-z0-9-]{0,62}$";

    private static readonly SearchValues<char> Allowed = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    public static bool IsValid(string? name) =>
        name is { Length: >= 1 and <= 63 } && name[0] != '-' && !name.AsSpan().ContainsAnyExcept(Allowed);
}
