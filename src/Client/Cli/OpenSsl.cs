using System.Runtime.InteropServices;

namespace Slowrun.Client.Cli;

/// <summary>.NET hashes with the machine's OpenSSL. Where there is none it aborts the process, with a line that does not say what to
/// do.</summary>
internal static class OpenSsl
{
    // Those that .NET 10 takes.
    private static readonly string[] Libraries = ["libssl.so.3", "libssl.so.1.1"];

    /// <exception cref="CliException">There is none.</exception>
    public static void Require()
    {
        if (!Libraries.Any(library => NativeLibrary.TryLoad(library, out _)))
        {
            throw new CliException(
                ExitCode.Failed,
                $"This machine has no OpenSSL: looked for {string.Join(" and ", Libraries)}. Install it: 'apt-get install libssl3' on Debian 12, 'openssl-libs' elsewhere."
            );
        }
    }
}
