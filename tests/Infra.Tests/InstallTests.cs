using System.Net;
using System.Security.Cryptography;
using System.Text;
using Slowrun.Infra.Tests.Rehearsal;
using Slowrun.Tests.Metadata;

namespace Slowrun.Infra.Tests;

/// <summary>The scripts of a machine, run against a made-up Azure in a folder.</summary>
public sealed class InstallTests : IAsyncDisposable
{
    private const string Identity =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/slowrun-machines";
    private const string Machine = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/trainer_3";

    private readonly DirectoryInfo root = Directory.CreateTempSubdirectory("slowrun-install-");
    private readonly MachineMetadataServer azure;
    private byte[] package = Package.Of("#!/bin/sh\necho first\n");
    private int downloads;
    private int deallocations;
    private bool refuses;

    public InstallTests() =>
        azure = new MachineMetadataServer
        {
            IdentityId = Identity,
            ResourceId = Machine,
            Elsewhere = Answer,
        };

    [Fact]
    public async Task Install_OfAPackageWithTheExpectedHash_PutsItInPlaceAndFindsTheMachine()
    {
        var result = await InstallAsync(package);

        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal("first\n", await Tool.DoAsync(Path.Combine(root.FullName, "current", "Slowrun.Silo")));
        Assert.Equal(
            $"SLOWRUN_ADDRESS={azure.PrivateAddress}\nAZURE_CLIENT_ID=c0ffee00-0000-4000-8000-000000000000\n",
            await File.ReadAllTextAsync(Path.Combine(root.FullName, "found.env"), TestContext.Current.CancellationToken)
        );
        Assert.Empty(azure.Refused);
    }

    [Fact]
    public async Task Install_OfWhatIsThereAlready_DownloadsNothing()
    {
        await InstallAsync(package);
        var result = await InstallAsync(package);

        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(1, downloads);
    }

    [Fact]
    public async Task Install_OfAnotherPackage_ReplacesTheOneInPlace()
    {
        await InstallAsync(package);
        package = Package.Of("#!/bin/sh\necho second\n");
        var result = await InstallAsync(package);

        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal("second\n", await Tool.DoAsync(Path.Combine(root.FullName, "current", "Slowrun.Silo")));
    }

    [Fact]
    public async Task Install_OfAPackageWithAnotherHash_KeepsWhatIsInPlaceAndNamesBoth()
    {
        await InstallAsync(package);
        package = Package.Of("#!/bin/sh\necho stolen\n");
        var expected = Package.Of("#!/bin/sh\necho second\n");
        var result = await InstallAsync(expected);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"has the SHA-256 {Hash(package)}, expected {Hash(expected)}", result.Error, StringComparison.Ordinal);
        Assert.Equal("first\n", await Tool.DoAsync(Path.Combine(root.FullName, "current", "Slowrun.Silo")));
        Assert.Single(Directory.GetDirectories(Path.Combine(root.FullName, "releases")));
    }

    [Fact]
    public async Task Ended_AfterAnIdleSilo_DeallocatesTheMachineAndPowersItOff()
    {
        await File.WriteAllTextAsync(Path.Combine(root.FullName, "idle"), "", TestContext.Current.CancellationToken);
        var (result, poweredOff) = await EndedAsync();

        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal((1, true), (deallocations, poweredOff));
    }

    [Fact]
    public async Task Ended_AfterAnyOtherEnd_LeavesTheMachineAlone()
    {
        var (result, poweredOff) = await EndedAsync();

        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal((0, false), (deallocations, poweredOff));
    }

    [Fact]
    public async Task Ended_WhereAzureRefuses_KeepsTheMachineOnAndFails()
    {
        refuses = true;
        await File.WriteAllTextAsync(Path.Combine(root.FullName, "idle"), "", TestContext.Current.CancellationToken);
        var (result, poweredOff) = await EndedAsync();

        Assert.NotEqual(0, result.ExitCode);
        Assert.False(poweredOff);
    }

    public async ValueTask DisposeAsync()
    {
        await azure.DisposeAsync();
        root.Delete(recursive: true);
    }

    private Task<ToolResult> InstallAsync(byte[] expected)
    {
        Tool.Need("curl");
        return Tool.RunAsync(Environment(new() { ["SLOWRUN_PACKAGE_SHA256"] = Hash(expected) }), Repository.Machine("install"));
    }

    private async Task<(ToolResult Result, bool PoweredOff)> EndedAsync()
    {
        Tool.Need("curl");
        // In place of the one that would power this machine off.
        var systemctl = Path.Combine(root.FullName, "systemctl");
        await File.WriteAllTextAsync(
            systemctl,
            $"#!/bin/sh\necho \"$@\" >'{root.FullName}/asked'\n",
            TestContext.Current.CancellationToken
        );
        File.SetUnixFileMode(systemctl, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var path = $"{root.FullName}:{System.Environment.GetEnvironmentVariable("PATH")}";
        var result = await Tool.RunAsync(Environment(new() { ["PATH"] = path, ["SLOWRUN_DEALLOCATE"] = "1" }), Repository.Machine("ended"));
        var asked = Path.Combine(root.FullName, "asked");
        return (
            result,
            File.Exists(asked) && await File.ReadAllTextAsync(asked, TestContext.Current.CancellationToken) == "--no-block poweroff\n"
        );
    }

    private Dictionary<string, string> Environment(Dictionary<string, string> more) =>
        new(more)
        {
            ["SLOWRUN_ROOT"] = root.FullName,
            ["RUNTIME_DIRECTORY"] = root.FullName,
            ["SLOWRUN_STORE"] = "azblob://account/slowrun",
            ["SLOWRUN_PACKAGE"] = "software/silo.tar",
            ["SLOWRUN_IDENTITY"] = Identity,
            ["SLOWRUN_IMDS"] = azure.Address.ToString().TrimEnd('/'),
            ["SLOWRUN_BLOBS"] = azure.Address.ToString().TrimEnd('/'),
            ["SLOWRUN_MANAGEMENT"] = azure.Address.ToString().TrimEnd('/'),
        };

    private (int Status, byte[] Body)? Answer(HttpListenerRequest request)
    {
        var token = request.Headers["Authorization"];
        switch (request.HttpMethod, request.Url!.AbsolutePath)
        {
            case ("GET", "/slowrun/software/silo.tar")
                when token == $"Bearer {MachineMetadataServer.TokenFor("https://storage.azure.com/")}":
                downloads++;
                return (200, package);
            case ("POST", Machine + "/deallocate")
                when !refuses && token == $"Bearer {MachineMetadataServer.TokenFor("https://management.azure.com/")}":
                deallocations++;
                return (202, []);
            case ("POST", _) when refuses:
                return (403, Encoding.UTF8.GetBytes("no such role"));
            default:
                return null;
        }
    }

    private static string Hash(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));
}
