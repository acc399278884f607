using Slowrun.EndToEnd.Tests;

namespace Slowrun.Infra.Tests.Rehearsal;

/// <summary>A machine's disk: what cloud-init wrote, and of systemd's own units only those that a service and a shutdown need.</summary>
internal sealed class MachineFiles
{
    private const string Units = "/usr/lib/systemd/system";

    // Systemd's. The others would start what this machine has already: udev, the network, the clock.
    private static readonly string[] Kept =
    [
        "network-online.target",
        "shutdown.target",
        "umount.target",
        "final.target",
        "poweroff.target",
        "systemd-poweroff.service",
    ];
    private static readonly string[] Emptied = ["sysinit.target", "basic.target", "multi-user.target"];

    private MachineFiles(string folder, FakeAzure azure) => (Folder, Azure) = (folder, azure);

    /// <summary>The folder of the built silo.</summary>
    public static string Silo => Path.GetDirectoryName(Cli.SiloPath)!;

    /// <summary>The folder of the runtime.</summary>
    public static string DotNet =>
        Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));

    public string Folder { get; }

    public FakeAzure Azure { get; }

    public string SiloLog => Read("opt/slowrun/silo.log");

    public string Console => Read("console");

    /// <param name="store">Connection string of the account, which stands in for the machine's identity: Azurite knows none.</param>
    public static MachineFiles Write(string name, CloudInit cloudInit, FakeAzure azure, string store)
    {
        var files = new MachineFiles(Directory.CreateTempSubdirectory($"slowrun-{name}-").FullName, azure);
        foreach (var folder in new[] { "opt/silo", "opt/dotnet", "system/slowrun-silo.service.d", "units", "empty" })
        {
            Directory.CreateDirectory(Path.Combine(files.Folder, folder));
        }

        File.WriteAllText(Path.Combine(files.Folder, "console"), "");
        File.WriteAllText(Path.Combine(files.Folder, "hostname"), name + "\n");
        foreach (var file in cloudInit.Files)
        {
            var path = Path.Combine(
                files.Folder,
                file.Path.StartsWith("/opt/", StringComparison.Ordinal) ? file.Path[1..] : $"system/{Path.GetFileName(file.Path)}"
            );
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, file.Content);
            File.SetUnixFileMode(path, file.Mode);
        }

        // All that differs from a machine in Azure: another address for Azure's services, Azurite's key, a file for a journal, and less
        // compilation (as CliProcess has it).
        File.WriteAllText(
            Path.Combine(files.Folder, "system/slowrun-silo.service.d/rehearsal.conf"),
            $"""
            [Service]
            Environment="AZURE_STORAGE_CONNECTION_STRING={store}"
            Environment=DOTNET_TieredPGO=0 DOTNET_TC_CallCountThreshold=300
            Environment=SLOWRUN_BLOBS={FakeAzure.Address.GetLeftPart(
                UriPartial.Authority
            )} SLOWRUN_MANAGEMENT={FakeAzure.Address.GetLeftPart(UriPartial.Authority)}
            StandardOutput=append:/opt/slowrun/silo.log
            StandardError=append:/opt/slowrun/silo.log
            """
        );
        foreach (var unit in Kept)
        {
            File.Copy(Path.Combine(Units, unit), Path.Combine(files.Folder, "units", unit));
        }

        foreach (var unit in Emptied)
        {
            File.WriteAllText(
                Path.Combine(files.Folder, "units", unit),
                $"[Unit]\nDescription={unit}\nDefaultDependencies=no\nConflicts=shutdown.target\nBefore=shutdown.target\n"
            );
        }

        return files;
    }

    /// <param name="group">The machine's control group, which outlives its processes.</param>
    public async Task DeleteAsync(string group)
    {
        var groups = Path.Combine(Folder, "groups");
        Directory.CreateDirectory(groups);
        await Tool.RunAsync(
            "unshare",
            "--mount",
            "bash",
            "-c",
            $"mount -t cgroup -o none,name=systemd slowrun '{groups}' && find '{groups}/{group}' -depth -type d -exec rmdir {{}} +"
        );
        Directory.Delete(Folder, recursive: true);
    }

    private string Read(string file) => Path.Combine(Folder, file) is var path && File.Exists(path) ? File.ReadAllText(path) : "";
}
