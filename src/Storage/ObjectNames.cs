using System.Buffers;

namespace Slowrun.Storage;

/// <summary>What an object may be called: the same in every store, and harmless as a path below a directory.</summary>
public static class ObjectNames
{
    // Azure allows 1,024 characters in a blob's name, Linux 255 bytes in a file's; both with room to spare.
    private const int LongestName = 900;
    private const int LongestSegment = 200;

    private static readonly SearchValues<char> Allowed = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-"
    );

    /// <summary>Whether <paramref name="segment"/> may stand between two slashes of a name.</summary>
    /// <remarks>
    /// No dot at the beginning (<c>.</c>, <c>..</c>, and the directory store's own folders) nor at the end (Azure drops it).
    /// </remarks>
    public static bool IsSegment(ReadOnlySpan<char> segment) =>
        segment.Length is > 0 and <= LongestSegment && segment[0] != '.' && segment[^1] != '.' && !segment.ContainsAnyExcept(Allowed);

    /// <summary>Whether an object may be called so: a bucket may hold other programs' objects too.</summary>
    public static bool IsName(ReadOnlySpan<char> name)
    {
        foreach (var range in name.Split('/'))
        {
            if (!IsSegment(name[range]))
            {
                return false;
            }
        }

        return name.Length <= LongestName;
    }

    /// <exception cref="ArgumentException">Not an object's name.</exception>
    public static void Check(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length > LongestName)
        {
            throw new ArgumentException(
                $"An object's name has at most {LongestName} characters, this has {name.Length}: '{name}'.",
                nameof(name)
            );
        }

        foreach (var range in name.AsSpan().Split('/'))
        {
            if (!IsSegment(name.AsSpan(range)))
            {
                throw new ArgumentException(
                    $"'{name}' is no object's name: '{name[range]}' is not a segment of at most {LongestSegment} of the characters A-Z a-z 0-9 . _ @ - "
                        + "without a dot at either end.",
                    nameof(name)
                );
            }
        }
    }

    /// <summary>Checks a prefix to list by: any beginning of an object's name, also the empty one.</summary>
    /// <exception cref="ArgumentException">No object's name can begin so.</exception>
    public static void CheckPrefix(string prefix)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        // Whatever may follow makes a name of it, or nothing does.
        Check(prefix.Length == 0 || prefix[^1] is '/' or '.' ? prefix + "x" : prefix);
    }

    /// <summary>Checks a folder to list: empty, or ending with <c>/</c>.</summary>
    /// <exception cref="ArgumentException">Not a folder.</exception>
    public static void CheckFolder(string folder)
    {
        CheckPrefix(folder);
        if (folder.Length > 0 && folder[^1] != '/')
        {
            throw new ArgumentException($"A folder's name ends with '/', '{folder}' does not.", nameof(folder));
        }
    }
}
