using System.Text;

namespace Slowrun.Core.Commands;

/// <summary>For what is told on the side: where it cannot be written (standard error closed, a full disk), it is left out. A program must
/// not end for it with another exit code, let alone with an abort.</summary>
public sealed class BestEffortWriter(TextWriter inner) : TextWriter
{
    public override Encoding Encoding => inner.Encoding;

    /// <summary>Makes standard error one: to be called before anything writes to it.</summary>
    public static void ShieldStandardError() => Console.SetError(new BestEffortWriter(Console.Error));

    public override void Write(char value) => Try(() => inner.Write(value));

    public override void Write(char[] buffer, int index, int count) => Try(() => inner.Write(buffer, index, count));

    public override void Write(string? value) => Try(() => inner.Write(value));

    public override void Flush() => Try(inner.Flush);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Try(inner.Dispose);
        }

        base.Dispose(disposing);
    }

    private static void Try(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            // There is nobody to tell.
        }
    }
}
