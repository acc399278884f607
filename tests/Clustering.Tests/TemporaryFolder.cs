namespace Slowrun.Clustering.Tests;

internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("slowrun-clustering-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
