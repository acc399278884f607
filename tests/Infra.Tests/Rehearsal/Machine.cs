using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using Slowrun.Tests.Metadata;

namespace Slowrun.Infra.Tests.Rehearsal;

/// <summary>
/// A machine of the fleet: a network namespace with an address in the subnet, a metadata service, and a systemd that supervises what
/// cloud-init wrote.
/// </summary>
internal sealed class Machine : IAsyncDisposable
{
    // A listener for HTTP is known in its whole process by address and port, whatever network it is of.
    private static int ports = 8000;

    private readonly MachineFiles files;
    private readonly Forwarder imds;
    private readonly NetworkNamespace network;
    private readonly Process process;
    private readonly StringBuilder output = new();

    private Machine(string address, string name, NetworkNamespace network, CloudInit cloudInit, byte[] package, string store)
    {
        this.network = network;
        var azure = new FakeAzure(name, package, cloudInit);
        var port = Interlocked.Increment(ref ports);
        Metadata = network.Inside(() =>
            new MachineMetadataServer(port)
            {
                VmName = name,
                PrivateAddress = address,
                ResourceId = azure.ResourceId,
                IdentityId = cloudInit.Variable("SLOWRUN_IDENTITY"),
                Elsewhere = azure.Answer,
            }
        );
        imds = network.Inside(() =>
            Forwarder.Listen(
                new IPEndPoint(IPAddress.Parse(FakeAzure.Address.Host), FakeAzure.Address.Port),
                new IPEndPoint(IPAddress.Loopback, port),
                () => network.Inside(Forwarder.Tcp)
            )
        );
        files = MachineFiles.Write(name, cloudInit, azure, store);
        var script = Path.Combine(AppContext.BaseDirectory, "Rehearsal", "machine.sh");
        var start = new ProcessStartInfo(
            "ip",
            ["netns", "exec", network.Name, "bash", script, files.Folder, network.Name, MachineFiles.Silo, MachineFiles.DotNet]
        )
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        Ended = process.WaitForExitAsync();
    }

    public string Name => Metadata.VmName;

    public MachineMetadataServer Metadata { get; }

    /// <summary>When the machine is off, however it came to that.</summary>
    public Task Ended { get; }

    /// <summary>Calls to deallocate the machine, as it made them.</summary>
    public IReadOnlyCollection<string> Deallocations => files.Azure.Deallocations;

    public static async Task<Machine> BootAsync(Site site, string name, CloudInit cloudInit, byte[] package)
    {
        var network = await NetworkNamespace.CreateAsync(name);
        var machine = new Machine(await site.LinkAsync(network), name, network, cloudInit, package, site.InsideConnection);
        try
        {
            foreach (var command in cloudInit.Commands)
            {
                await machine.UntilRunsAsync(command);
            }

            return machine;
        }
        catch
        {
            await machine.DisposeAsync();
            throw;
        }
    }

    /// <summary>What the machine and its silo wrote, for a test's message.</summary>
    public string Story()
    {
        lock (output)
        {
            return $"--- {Name}\n{output}{files.Console}{files.SiloLog}";
        }
    }

    /// <summary>The machine is gone, at once and without a word: no packet leaves it any more, then its processes end.</summary>
    public async Task CutAsync()
    {
        await network.IpAsync("link", "set", "eth0", "down");
        process.Kill();
        await Ended;
    }

    /// <summary>Its silo aborts, as native code does that has found itself in a state it cannot go on from. (.NET passes over the first
    /// signal that was sent, takes its handler back, and waits for the fault to come again.)</summary>
    public async Task CrashSiloAsync()
    {
        var result = await RunAsync(
            ["sh", "-c", "silo=$(systemctl show --property=MainPID --value slowrun-silo); kill -ABRT $silo && sleep 1 && kill -ABRT $silo"]
        );
        Assert.True(result.ExitCode == 0, result.Error);
    }

    public async ValueTask DisposeAsync()
    {
        process.StandardInput.Close();
        process.Kill();
        await Ended;
        process.Dispose();
        await imds.DisposeAsync();
        await Metadata.DisposeAsync();
        await network.DisposeAsync();
        await files.DeleteAsync(network.Name);
    }

    /// <summary>Runs a command within the machine, as soon as its systemd answers.</summary>
    private Task UntilRunsAsync(string[] command) =>
        Until.HoldsAsync(async () =>
        {
            Assert.False(process.HasExited, $"The machine ended while it booted: {Story()}");
            return (await RunAsync(command)).ExitCode == 0;
        });

    private async Task<ToolResult> RunAsync(string[] command) =>
        Init() is { } init ? await Tool.RunAsync("nsenter", ["--target", init, "--all", .. command]) : new ToolResult(1, "", "");

    /// <summary>The process that is number one within the machine.</summary>
    private string? Init()
    {
        try
        {
            var id = process.Id.ToString(CultureInfo.InvariantCulture);
            return File.ReadAllText($"/proc/{id}/task/{id}/children")
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .FirstOrDefault(child => File.ReadAllText($"/proc/{child}/comm").Trim() == "systemd");
        }
        catch (IOException)
        {
            return null;
        }
    }

    private void Keep(string? line)
    {
        lock (output)
        {
            output.AppendLine(line);
        }
    }
}
