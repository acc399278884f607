using System.Globalization;
using System.Text;

namespace Slowrun.Silo.Hosting;

/// <summary>Copies what the silo writes to its terminal into a file, where <c>slowrun logs</c> finds it.</summary>
internal sealed class LogCopy : TextWriter
{
    private readonly TextWriter terminal;
    private readonly StreamWriter file;

    private LogCopy(TextWriter terminal, StreamWriter file) => (this.terminal, this.file) = (terminal, file);

    public override Encoding Encoding => terminal.Encoding;

    /// <summary>To be called before anything is written.</summary>
    /// <param name="name">The file's, but for the process; null: nothing is copied.</param>
    public static void Begin(string? name)
    {
        if (name is null)
        {
            return;
        }

        try
        {
            var path = string.Create(CultureInfo.InvariantCulture, $"{name}-{Environment.ProcessId}.log");
            var file = new StreamWriter(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete))
            {
                AutoFlush = true,
            };
            Console.SetOut(new LogCopy(Console.Out, file));
            Console.SetError(new LogCopy(Console.Error, file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"slowrun silo: its log is not kept in a file: {e.Message}");
        }
    }

    public override void Write(char value) => Write(value.ToString());

    public override void Write(string? value)
    {
        terminal.Write(value);
        try
        {
            lock (file)
            {
                file.Write(value);
            }
        }
        catch (IOException)
        {
            // A full disk must not silence the terminal.
        }
    }

    public override void Write(char[] buffer, int index, int count) => Write(new string(buffer, index, count));

    public override void WriteLine(string? value) => Write(value + NewLine);

    public override void Flush() => terminal.Flush();
}
