using System.Text;

namespace Slowrun.Fleet.Silos;

/// <summary>Reads a file that another process appends to: each time the whole lines that are new.</summary>
internal sealed class LogLines(string file)
{
    private readonly List<byte> begun = [];
    private long offset;

    /// <summary>Nothing where the file is gone.</summary>
    public IReadOnlyList<string> ReadNew()
    {
        try
        {
            using var content = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            if (content.Length < offset)
            {
                // Another one under the same name.
                offset = 0;
                begun.Clear();
            }

            content.Position = offset;
            var bytes = new byte[content.Length - offset];
            var read = content.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            offset += read;
            return Lines(bytes.AsSpan(0, read));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return [];
        }
    }

    private List<string> Lines(ReadOnlySpan<byte> bytes)
    {
        begun.AddRange(bytes);
        var end = begun.LastIndexOf((byte)'\n') + 1;
        var whole = Encoding.UTF8.GetString([.. begun.Take(end)]);
        begun.RemoveRange(0, end);
        return [.. whole.Split('\n').SkipLast(1)];
    }
}
