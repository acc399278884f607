[assembly: AssemblyFixture(typeof(Slowrun.EndToEnd.Tests.CalmMicro))]

namespace Slowrun.EndToEnd.Tests;

/// <summary>One undisturbed run of the preset <c>micro</c>, made when the first test asks for it.</summary>
public sealed class CalmMicro : IDisposable
{
    private readonly TemporaryStore store = new();
    private readonly Lazy<Task> run;

    public CalmMicro() => run = new(RunAsync);

    public void Dispose() => store.Dispose();

    /// <summary>The run's store, which no test may change.</summary>
    internal async Task<Cli> CliAsync()
    {
        await run.Value;
        return new Cli(store.Path);
    }

    /// <summary>Copies the run's store into an empty folder.</summary>
    internal async Task CopyAsync(TemporaryStore to)
    {
        await run.Value;
        foreach (var file in Directory.EnumerateFiles(store.Path, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to.Path, Path.GetRelativePath(store.Path, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    private async Task RunAsync()
    {
        var result = await new Cli(store.Path).RunAsync("run", "micro");
        Assert.True(result.ExitCode == 0, result.Error + result.Output);
    }
}
