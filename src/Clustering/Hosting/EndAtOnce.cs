using System.Runtime.InteropServices;
using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Hosting;

/// <summary>
/// Ends a silo that finds itself declared dead, for example after it was frozen: it writes a message and exits with
/// <see cref="SiloEnd.NotItsWork"/>. Orleans' own handler waits 2 seconds, in which its grains go on, and then aborts with a core dump.
/// </summary>
/// <param name="error">Error output for the message; loggers write in the background, and would not get to it.</param>
/// <param name="exit">Ends the process without running anything more of it.</param>
internal sealed partial class EndAtOnce(TextWriter error, Action<int> exit) : IFatalErrorHandler
{
    public EndAtOnce()
        : this(Console.Error, ExitNow) { }

    public bool IsUnexpected(Exception exception) => true;

    public void OnFatalException(object? sender = null, string? context = null, Exception? exception = null)
    {
        error.WriteLine(
            (
                "slowrun silo: cannot go on and ends at once; its stages go on from their last checkpoint elsewhere. "
                + $"{context} {exception}"
            ).TrimEnd()
        );
        error.Flush();
        exit(SiloEnd.NotItsWork);
    }

    // Not Environment.Exit: it would run the libraries' own clean-up while training threads are at work, which may crash or hang.
    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void ExitNow(int code);
}
