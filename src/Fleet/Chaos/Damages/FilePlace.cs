namespace Slowrun.Fleet.Chaos.Damages;

/// <summary>Files of a folder, written in place: readers that have one open or mapped see it.</summary>
internal sealed class FilePlace(string folder) : IDamagePlace
{
    public IEnumerable<string> Names() =>
        Directory.Exists(folder)
            ? Directory
                .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(folder, file))
                .Where(name => !name.Contains(".locks", StringComparison.Ordinal))
            : [];

    public async Task<byte[]?> TryReadAsync(string name, CancellationToken stop)
    {
        try
        {
            return await File.ReadAllBytesAsync(Path.Combine(folder, name), stop);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    public Task<bool> DamageAsync(DamagedObject damaged, CancellationToken stop)
    {
        if (damaged.Bad is not null)
        {
            return TryExchangeAsync(damaged.Name, damaged.Good, damaged.Bad, stop);
        }

        File.Delete(Path.Combine(folder, damaged.Name));
        return Task.FromResult(true);
    }

    public Task PutBackAsync(DamagedObject damaged, CancellationToken stop) =>
        // What was removed here is fetched again.
        damaged.Bad
            is null
            ? Task.CompletedTask
            : TryExchangeAsync(damaged.Name, damaged.Bad, damaged.Good, stop);

    private async Task<bool> TryExchangeAsync(string name, byte[] from, byte[] to, CancellationToken stop)
    {
        try
        {
            // Without a lock: others have it open. Read and written by one handle: a document that was replaced in between is another file.
            await using var file = new FileStream(
                Path.Combine(folder, name),
                FileMode.Open,
                FileAccess.ReadWrite,
                FileShare.ReadWrite | FileShare.Delete,
                bufferSize: 0
            );
            var now = new byte[file.Length];
            await file.ReadExactlyAsync(now, stop);
            if (!now.AsSpan().SequenceEqual(from))
            {
                return false;
            }

            file.Position = 0;
            await file.WriteAsync(to, stop);
            file.SetLength(to.Length);
            return true;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or EndOfStreamException)
        {
            // Swept a moment ago.
            return false;
        }
    }
}
