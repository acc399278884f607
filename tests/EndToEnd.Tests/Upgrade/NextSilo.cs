using System.Diagnostics;
using Slowrun.EndToEnd.Tests.Published;
using Slowrun.EndToEnd.Tests.Upgrade;

[assembly: AssemblyFixture(typeof(NextSilo))]

namespace Slowrun.EndToEnd.Tests.Upgrade;

/// <summary>
/// A silo of the next version: the one that was built, with the <c>Slowrun.Core</c> of these sources and <c>Next.targets</c>, compiled when
/// the first test asks for it. The other assemblies are those of this version: the records that they store and send are Core's.
/// </summary>
public sealed class NextSilo : IDisposable
{
    private const string Core = "Slowrun.Core.dll";

    private readonly TemporaryStore folder = new();
    private readonly Lazy<Task<string>> made;

    public NextSilo() => made = new(MakeAsync);

    /// <summary>The program's assembly, for <c>SLOWRUN_SILO</c>.</summary>
    public Task<string> PathAsync() => made.Value;

    public void Dispose() => folder.Dispose();

    private async Task<string> MakeAsync()
    {
        var core = await BuildCoreAsync();
        var silo = Path.GetDirectoryName(Cli.SiloPath)!;
        foreach (var file in Directory.EnumerateFiles(silo, "*", SearchOption.AllDirectories))
        {
            var to = Path.Combine(folder.Path, Path.GetRelativePath(silo, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            // Of libtorch, half a gigabyte, only links.
            if (Path.GetExtension(file) is ".dll" or ".json")
            {
                File.Copy(file == Path.Combine(silo, Core) ? core : file, to);
            }
            else
            {
                File.CreateSymbolicLink(to, file);
            }
        }

        return Path.Combine(folder.Path, Path.GetFileName(Cli.SiloPath));
    }

    private static async Task<string> BuildCoreAsync()
    {
        // Beside the other outputs, so that the next time only what changed is compiled.
        var artifacts = Path.Combine(PublishedClient.Repository, "artifacts", "next");
        var start = new ProcessStartInfo(
            "dotnet",
            [
                "build",
                Path.Combine(PublishedClient.Repository, "src", "Core"),
                "--nologo",
                "--verbosity",
                "quiet",
                "-nodeReuse:false",
                "-p:UseSharedCompilation=false",
                "-p:RunAnalyzers=false",
                "-p:Version=0.2.0",
                $"-p:ArtifactsPath={artifacts}",
                $"-p:CustomAfterMicrosoftCommonTargets={Path.Combine(PublishedClient.Repository, "tests", "EndToEnd.Tests", "Upgrade", "Next.targets")}",
            ]
        )
        {
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start.");
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? Path.Combine(artifacts, "bin", "Slowrun.Core", "release", Core)
            : throw new InvalidOperationException($"The next version's Slowrun.Core could not be built: {output}");
    }
}
