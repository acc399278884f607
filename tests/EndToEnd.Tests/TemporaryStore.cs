namespace Slowrun.EndToEnd.Tests;

/// <summary>An empty directory for one test's store, gone afterwards.</summary>
internal sealed class TemporaryStore : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("slowrun-test-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
