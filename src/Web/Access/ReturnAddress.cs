namespace Slowrun.Web.Access;

/// <summary>Where a browser goes after a log-in: an address of this server, or none. A link to the log-in must not lead on to another
/// site.</summary>
internal static class ReturnAddress
{
    private const int Longest = 2000;

    // A reader of an address may decode it more than once.
    private const int Decodings = 3;

    public static string Of(string? to) => IsOurs(to) ? to! : "/";

    private static bool IsOurs(string? to)
    {
        if (to is not { Length: > 0 and <= Longest })
        {
            return false;
        }

        for (var times = 0; times <= Decodings; times++)
        {
            // Browsers drop tabs and ends of lines, and read a backslash as a slash: "/<tab>/elsewhere" is "//elsewhere" to them.
            if (to[0] != '/' || to is [_, '/', ..] || to.Any(character => character is <= ' ' or > '~' or '\\'))
            {
                return false;
            }

            to = Uri.UnescapeDataString(to);
        }

        return true;
    }
}
