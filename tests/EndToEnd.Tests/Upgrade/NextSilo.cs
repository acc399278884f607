using System.Diagnostics;
using Slowrun.EndToEnd.Tests.Published;
using Slowrun.EndToEnd.Tests.Upgrade;

[assembly: AssemblyFixture(typeof(NextSilo))]

namespace Slowrun.EndToEnd.Tests.Upgrade;

/// <summary>A silo of the next version, built from these sources and <c>Next.targets</c> when the first test asks for it.</summary>
public sealed class NextSilo
{
    private readonly Lazy<Task<string>> built = new(BuildAsync);

    /// <summary>The program's assembly, for <c>SLOWRUN_SILO</c>.</summary>
    public Task<string> PathAsync() => built.Value;

    private static async Task<string> BuildAsync()
    {
        // Beside the other outputs, so that the next time only what changed is compiled.
        var artifacts = Path.Combine(PublishedClient.Repository, "artifacts", "next");
        var start = new ProcessStartInfo(
            "dotnet",
            [
                "build",
                Path.Combine(PublishedClient.Repository, "src", "Silo"),
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
            ? Path.Combine(artifacts, "bin", "Slowrun.Silo", "release", "Slowrun.Silo.dll")
            : throw new InvalidOperationException($"The next version's silo could not be built: {output}");
    }
}
