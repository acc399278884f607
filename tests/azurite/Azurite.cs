using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Slowrun.Tests.Storage;

/// <summary>
/// Azurite, for tests: one process a test process, on a free port and in a directory of its own. Installed on first use by
/// <c>npm ci</c> from the lock file beside this one. It ends when this process does, however that ends: its standard input closes.
/// </summary>
public static partial class Azurite
{
    // Public: every Azurite has this account and key.
    private const string Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    // Watches its standard input, then runs Azurite in the same process.
    private const string Program = """
        const fs = require('fs'), [main, location, host, service, port] = process.argv.slice(1);
        process.stdin.resume();
        process.stdin.on('end', () => { fs.rmSync(location, { recursive: true, force: true }); process.exit(0); });
        process.argv = [process.argv[0], main, `--${service}Host`, host, `--${service}Port`, port, '--silent', '--disableTelemetry',
            '--skipApiVersionCheck', '--location', location];
        require(main);
        """;

    private const int MostTries = 5;

    private static readonly Lazy<Task<(Process Process, int Port)>> Started = new(() => StartAsync("127.0.0.1"));

    private static readonly Lazy<Task<(Process Process, int Port)>> TablesStarted = new(() =>
        StartAsync("table", "127.0.0.1", "devstoreaccount1")
    );

    /// <summary>Azurite's table service, started if it is not running yet.</summary>
    public static async Task<Uri> TablesAsync() => new($"http://127.0.0.1:{(await TablesStarted.Value).Port}/devstoreaccount1");

    /// <summary>Starts Azurite if it is not running yet.</summary>
    /// <returns>The port it listens on.</returns>
    public static async Task<int> PortAsync() => (await Started.Value).Port;

    /// <param name="port">Azurite's, or that of a proxy in front of it.</param>
    public static string ConnectionString(int port) => ConnectionString(port, "127.0.0.1", "devstoreaccount1");

    /// <inheritdoc cref="ConnectionString(int)"/>
    public static string ConnectionString(int port, string host, string account) =>
        $"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={Key};BlobEndpoint=http://{host}:{port}/{account};";

    /// <summary>An address of a container that no other test uses.</summary>
    public static string NewAddress() => $"azblob://devstoreaccount1/t{Guid.NewGuid():N}";

    /// <summary>Another Azurite, which ends with this process or when its standard input is closed.</summary>
    /// <param name="host">Address that it listens on.</param>
    /// <param name="account">Its account, with the key of all Azurites.</param>
    /// <param name="before">A command that runs it, for example in another network.</param>
    /// <returns>To be held: the collector would close its standard input.</returns>
    public static Task<(Process Process, int Port)> StartAsync(string host, string account = "devstoreaccount1", params string[] before) =>
        StartAsync("blob", host, account, before);

    private static async Task<(Process Process, int Port)> StartAsync(string service, string host, string account, params string[] before)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await StartOnceAsync(service, host, account, before);
            }
            catch (InvalidOperationException) when (service != "blob" && tries < MostTries)
            {
                // Another program of this machine may have taken the port that was free a moment ago.
            }
        }
    }

    private static async Task<(Process Process, int Port)> StartOnceAsync(string service, string host, string account, string[] before)
    {
        var main = Path.Combine(await NodePackages.InstalledAsync("azurite"), "azurite", "dist", "src", service, "main.js");
        string[] command =
        [
            .. before,
            "node",
            "-e",
            Program,
            "--",
            main,
            Directory.CreateTempSubdirectory("slowrun-azurite-").FullName,
            host,
            service,
            Port(service),
        ];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["AZURITE_ACCOUNTS"] = $"{account}:{Key}";
        var azurite = Process.Start(start)!;
        var errors = azurite.StandardError.ReadToEndAsync();
        while (await azurite.StandardOutput.ReadLineAsync() is { } line)
        {
            if (Listening().Match(line) is { Success: true } match)
            {
                // Read on, or Azurite would block on a full pipe one day.
                _ = azurite.StandardOutput.ReadToEndAsync();
                return (azurite, int.Parse(match.Groups[1].Value, null));
            }
        }

        throw new InvalidOperationException($"Azurite ended before it listened: {await errors}");
    }

    /// <summary>The blob service says which port the system has chosen. The table service says the one it was told, so it is told a free
    /// one.</summary>
    private static string Port(string service)
    {
        if (service == "blob")
        {
            return "0";
        }

        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        return ((IPEndPoint)free.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"(?:listens on http://|successfully started on )[\d.]+:(\d+)")]
    private static partial Regex Listening();
}
