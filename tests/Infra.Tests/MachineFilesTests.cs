using System.Text.RegularExpressions;

namespace Slowrun.Infra.Tests;

/// <summary>What a machine is given, checked by the programs that will read it.</summary>
public sealed partial class MachineFilesTests
{
    // Newer than the oldest systemd that the unit works with, which says so and goes on without.
    private static readonly string[] SinceVersion254 = ["RestartSteps", "RestartMaxDelaySec"];

    private static readonly Lazy<Task<CloudInit>> Given = new(async () =>
        CloudInit.Of(
            await Bicep.ResourcesAsync("param exitWhenIdle = '7m'", "param siloOptions = '--slots cuda:0'", "param gpuDriver = false")
        )
    );

    public static TheoryData<string> Scripts =>
        [
            .. new[]
            {
                Repository.Machine("install"),
                Repository.Machine("await-gpu"),
                Repository.Machine("ended"),
                Path.Combine(Repository.Infra, "publish.sh"),
                Path.Combine(Repository.Root, ".ci", "run"),
                Path.Combine(Repository.Root, ".ci", "nightly"),
                Path.Combine(Repository.Root, "build", "publish.sh"),
                Path.Combine(Repository.Root, "build", "release.sh"),
                Path.Combine(Repository.Root, "build", "check-replay.sh"),
                Path.Combine(Repository.Root, "build", "check-release.sh"),
                Path.Combine(Repository.Root, "build", "compare-releases.sh"),
                Path.Combine(Repository.Root, "build", "debian", "unit"),
                Path.Combine(Repository.Root, "slowrun"),
            }.Select(path => Path.GetRelativePath(Repository.Root, path)),
        ];

    [Theory]
    [MemberData(nameof(Scripts))]
    public async Task Script_WhenParsed_IsSoundBash(string path) =>
        Assert.Equal(new ToolResult(0, "", ""), await Tool.RunAsync("bash", "-n", path));

    [Theory]
    [MemberData(nameof(Scripts))]
    public async Task Script_WhenChecked_HasNoFinding(string path)
    {
        Tool.Need("shellcheck");
        Assert.Equal(new ToolResult(0, "", ""), await Tool.RunAsync("shellcheck", path));
    }

    [Fact]
    public async Task CloudInit_AsAzureGetsIt_FitsItsSchema()
    {
        Tool.Need("cloud-init");
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, (await Given.Value).Text, TestContext.Current.CancellationToken);
            var result = await Tool.RunAsync("cloud-init", "schema", "--config-file", file);
            Assert.True(result.ExitCode == 0, result.Error + result.Output);
            Assert.Contains("Valid cloud-config", result.Output, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task CloudInit_AsAzureGetsIt_WritesTheFilesOfTheFolder()
    {
        var written = await Given.Value;

        foreach (
            var (path, file) in new[]
            {
                ("/opt/slowrun/install", "install"),
                ("/opt/slowrun/await-gpu", "await-gpu"),
                ("/opt/slowrun/ended", "ended"),
                ("/etc/systemd/system/slowrun-silo.service", "slowrun-silo.service"),
            }
        )
        {
            Assert.Equal(await File.ReadAllTextAsync(Repository.Machine(file), TestContext.Current.CancellationToken), written[path]);
        }

        Assert.DoesNotContain("{{", written.Text, StringComparison.Ordinal);
        Assert.Equal("--exit-when-idle 7m --slots cuda:0", written.Variable("SLOWRUN_OPTIONS"));
        Assert.Equal("0", written.Variable("SLOWRUN_GPU"));
        Assert.Matches("^azblob://slowrun[a-z0-9]+/slowrun$", written.Variable("SLOWRUN_STORE"));
    }

    [Fact]
    public async Task Unit_WhenVerified_HasNoFinding()
    {
        Tool.Need("systemd-analyze");
        var result = await Tool.RunAsync("systemd-analyze", "verify", Repository.Machine("slowrun-silo.service"));

        var unit = await File.ReadAllTextAsync(Repository.Machine("slowrun-silo.service"), TestContext.Current.CancellationToken);
        var written = (await Given.Value).Files.Select(file => file.Path).Append("/opt/slowrun/current/Slowrun.Silo").ToList();
        Assert.DoesNotContain(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => !IsExpected(line, written));
        Assert.All(Programs().Matches(unit).Select(match => match.Groups[1].Value), program => Assert.Contains(program, written));
    }

    [Fact]
    public async Task Unit_AsSystemdRatesIt_IsExposedLittle()
    {
        Tool.Need("systemd-analyze");
        var result = await Tool.RunAsync(
            "systemd-analyze",
            "security",
            "--offline=true",
            "--no-pager",
            Repository.Machine("slowrun-silo.service")
        );

        var level = Exposure().Match(result.Output);
        Assert.True(level.Success, result.Output + result.Error);
        Assert.True(level.Groups[1].Value == "OK", result.Output);
        // What would keep .NET or a GPU from working.
        var unit = await File.ReadAllTextAsync(Repository.Machine("slowrun-silo.service"), TestContext.Current.CancellationToken);
        Assert.DoesNotMatch("(?m)^(MemoryDenyWriteExecute|ProtectClock|PrivateDevices|DeviceAllow|DevicePolicy|ProcSubset)=", unit);
    }

    /// <summary>This machine is none of the fleet: it has not what cloud-init writes there, and perhaps an older systemd.</summary>
    private static bool IsExpected(string line, IReadOnlyList<string> written) =>
        SinceVersion254.Any(key =>
            line.Contains($"Unknown key '{key}'", StringComparison.Ordinal)
            || line.Contains($"Unknown key name '{key}'", StringComparison.Ordinal)
        ) || written.Any(path => line.Contains($"Command {path} is not executable: No such file or directory", StringComparison.Ordinal));

    [GeneratedRegex(@"Overall exposure level for \S+: [0-9.]+ (\w+)")]
    private static partial Regex Exposure();

    [GeneratedRegex(@"^Exec\w+=[-+]*(/opt/slowrun/\S+)", RegexOptions.Multiline)]
    private static partial Regex Programs();
}
