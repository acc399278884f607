using Slowrun.Storage;
using Slowrun.Storage.Directories;

namespace Slowrun.Grains.Tests;

/// <summary>A directory store, and changes of its files by others: in place, so that readers that have one open or mapped see it.</summary>
internal sealed class StoreFile : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("slowrun-inputs-");

    public StoreFile() => Store = DirectoryStore.Open(folder.FullName);

    public IObjectStore Store { get; }

    public byte[] Read(string name) => File.ReadAllBytes(PathOf(name));

    /// <summary>Changes bytes of the file that there is.</summary>
    public void Change(string name, Action<byte[]> change)
    {
        using var file = Open(name);
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        change(bytes);
        file.Position = 0;
        file.Write(bytes);
    }

    public void Truncate(string name, long length)
    {
        using var file = Open(name);
        file.SetLength(length);
    }

    /// <summary>As it was, in the same file.</summary>
    public void PutBack(string name, byte[] good)
    {
        using var file = Open(name);
        file.Write(good);
        file.SetLength(good.Length);
    }

    public void Dispose() => folder.Delete(recursive: true);

    private FileStream Open(string name) => new(PathOf(name), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);

    private string PathOf(string name) => Path.Combine(folder.FullName, name);
}
