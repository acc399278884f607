using System.Security.Cryptography;

namespace Slowrun.Infra.Tests;

/// <summary>What a release is made of, as far as one need not be built; <c>.ci/nightly</c> makes and installs it.</summary>
public sealed class ReleaseTests : IDisposable
{
    private static readonly string Unit = Path.Combine(Repository.Root, "build", "debian", "unit");

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("slowrun-release-");

    [Fact]
    public async Task UnitOfThePackage_HasWhatTheFleetsHas_WithoutTheFleet()
    {
        var fleet = await File.ReadAllLinesAsync(Repository.Machine("slowrun-silo.service"), TestContext.Current.CancellationToken);
        var unit = (await Tool.DoAsync(Unit, Repository.Machine("slowrun-silo.service"))).TrimEnd('\n').Split('\n');

        Assert.DoesNotContain(unit, line => line.Contains("/opt/slowrun", StringComparison.Ordinal));
        Assert.Equal(
            [
                "EnvironmentFile=/etc/slowrun/silo.env",
                """ExecStartPre=/bin/sh -c 'test -n "$SLOWRUN_STORE" || { echo "/etc/slowrun/silo.env names no store (SLOWRUN_STORE)." >&2; exit 1; }'""",
                "ExecStart=/usr/lib/slowrun/silo/Slowrun.Silo silo $SLOWRUN_OPTIONS",
                "ExecStopPost=-/usr/lib/slowrun/silo/Slowrun.Silo ended",
            ],
            unit.Except(fleet)
        );
        // All limits and protections are there.
        Assert.All(
            fleet.Except(unit).Where(line => line.Contains('=', StringComparison.Ordinal) && !line.StartsWith('#')),
            line => Assert.Matches("^(EnvironmentFile|ExecStart|ExecStartPre|ExecStopPost|TimeoutStartSec)=", line)
        );
    }

    [Fact]
    public async Task UnitOfThePackage_WhenVerified_MissesOnlyTheProgram()
    {
        Tool.Need("systemd-analyze");
        var path = Path.Combine(folder.FullName, "slowrun-silo.service");
        await File.WriteAllTextAsync(
            path,
            await Tool.DoAsync(Unit, Repository.Machine("slowrun-silo.service")),
            TestContext.Current.CancellationToken
        );

        var findings = (await Tool.RunAsync("systemd-analyze", "verify", path)).Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.DoesNotContain(
            findings,
            line =>
                !line.Contains("Command /usr/lib/slowrun/silo/Slowrun.Silo is not executable", StringComparison.Ordinal)
                && !line.Contains("'RestartSteps'", StringComparison.Ordinal)
                && !line.Contains("'RestartMaxDelaySec'", StringComparison.Ordinal)
        );
    }

    [Theory]
    [InlineData("1.0", "'1.0' is no version; expected one as 0.2.0 or 0.2.0-rc.1.")]
    [InlineData("v1.0.0", "'v1.0.0' is no version; expected one as 0.2.0 or 0.2.0-rc.1.")]
    [InlineData("1.0.0;rm", "'1.0.0;rm' is no version; expected one as 0.2.0 or 0.2.0-rc.1.")]
    public async Task Release_OfWhatIsNoVersion_IsRefusedBeforeAnythingIsMade(string version, string message)
    {
        var result = await Tool.RunAsync(Path.Combine(Repository.Root, "build", "release.sh"), folder.FullName, version);

        Assert.Equal(new ToolResult(1, "", $"release: {message}\n"), result);
        Assert.Empty(folder.GetFileSystemInfos());
    }

    [Fact]
    public async Task Release_OfACommitWithoutATag_AsksForAVersion()
    {
        var repository = Path.Combine(folder.FullName, "sources");
        Directory.CreateDirectory(Path.Combine(repository, "build"));
        var script = Path.Combine(repository, "build", "release.sh");
        File.Copy(Path.Combine(Repository.Root, "build", "release.sh"), script);
        var git = new[] { "-C", repository, "-c", "user.name=a", "-c", "user.email=a@example.invalid" };
        await Tool.DoAsync("git", "init", "--quiet", repository);
        await Tool.DoAsync("git", [.. git, "add", "."]);
        await Tool.DoAsync("git", [.. git, "commit", "--quiet", "--message", "first"]);
        var output = Path.Combine(folder.FullName, "out");

        var result = await Tool.RunAsync(script, output);

        Assert.Equal(1, result.ExitCode);
        Assert.Matches("^release: commit [0-9a-f]{12} has no tag v…, and no version was given", result.Error);
        Assert.False(Directory.Exists(output));
    }

    [Fact]
    public async Task Compare_OfTwoReleases_NamesWhatDiffersWithinWhichArchive()
    {
        var one = await ReleaseAsync("one", "same");
        var two = await ReleaseAsync("two", "same");
        var three = await ReleaseAsync("three", "other");
        var compare = Path.Combine(Repository.Root, "build", "compare-releases.sh");

        // An image differs in each release.
        Assert.Equal(new ToolResult(0, "compare-releases: the same 1 files to the byte.\n", ""), await Tool.RunAsync(compare, one, two));
        Assert.Equal(
            new ToolResult(
                1,
                "",
                $"""
                Files {one}/slowrun-client-linux-x64.tar.gz and {three}/slowrun-client-linux-x64.tar.gz differ
                Files 1/slowrun-client-linux-x64.tar.gz/program and 2/slowrun-client-linux-x64.tar.gz/program differ
                compare-releases: the same commit gave other files.

                """
            ),
            await Tool.RunAsync(compare, one, three)
        );
    }

    private async Task<string> ReleaseAsync(string name, string program)
    {
        var release = folder.CreateSubdirectory($"release {name}");
        var stop = TestContext.Current.CancellationToken;
        await File.WriteAllTextAsync(Path.Combine(release.FullName, "program"), program, stop);
        await File.WriteAllTextAsync(Path.Combine(release.FullName, "slowrun-silo.container.tar"), name, stop);
        await File.WriteAllTextAsync(
            Path.Combine(release.FullName, "SHA256SUMS"),
            "0  slowrun-client-linux-x64.tar.gz\n0  slowrun-silo.container.tar\n",
            stop
        );
        var archive = Path.Combine(release.FullName, "slowrun-client-linux-x64.tar.gz");
        await Tool.DoAsync("tar", "--mtime=2000-01-01", "--remove-files", "-czf", archive, "-C", release.FullName, "program");
        return release.FullName;
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    public async Task GeneratorOfLogMessages_IsFoundWhetherOrNotThePackageFolderEndsWithASlash(string end)
    {
        var packages = Path.Combine(folder.FullName, "packages");
        var generator = Path.Combine(
            packages,
            "microsoft.extensions.logging.abstractions/1.0.0/analyzers/dotnet/roslyn4.4/cs/Microsoft.Extensions.Logging.Generators.dll"
        );
        Directory.CreateDirectory(Path.GetDirectoryName(generator)!);
        await File.WriteAllTextAsync(generator, "a generator", TestContext.Current.CancellationToken);

        await Tool.DoAsync(
            "dotnet",
            "msbuild",
            Path.Combine(Repository.Root, "build", "LogMessages.targets"),
            "-nologo",
            "-target:TakeSortingLogMessages",
            $"-property:NuGetPackageRoot={packages}{end}",
            "-property:LogMessagesVersion=1.0.0",
            $"-property:LogMessagesHash={Convert.ToHexStringLower(SHA256.HashData("a generator"u8))}"
        );
    }

    public void Dispose() => folder.Delete(recursive: true);
}
