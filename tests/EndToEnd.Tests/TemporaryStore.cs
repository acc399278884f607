namespace Slowrun.EndToEnd.Tests;

/// <summary>An empty directory for one test's store, gone afterwards.</summary>
internal sealed class TemporaryStore : IDisposable
{
    // A process that was killed may still end a call that makes a file.
    private const int MostTries = 50;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    public string Path { get; } = Directory.CreateTempSubdirectory("slowrun-test-").FullName;

    public void Dispose()
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                Directory.Delete(Path, recursive: true);
                return;
            }
            catch (IOException) when (tries < MostTries)
            {
                using var never = new ManualResetEventSlim();
                never.Wait(Pause);
            }
        }
    }
}
