using System.Diagnostics;
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
        const fs = require('fs'), [main, location] = process.argv.slice(1);
        process.stdin.resume();
        process.stdin.on('end', () => { fs.rmSync(location, { recursive: true, force: true }); process.exit(0); });
        process.argv = [process.argv[0], main, '--blobHost', '127.0.0.1', '--blobPort', '0', '--silent', '--disableTelemetry',
            '--skipApiVersionCheck', '--location', location];
        require(main);
        """;

    private static readonly Lazy<Task<int>> Started = new(StartAsync);

    // Held, since the collector would close its standard input.
    private static Process? running;

    /// <summary>Starts Azurite if it is not running yet.</summary>
    /// <returns>The port it listens on.</returns>
    public static Task<int> PortAsync() => Started.Value;

    /// <param name="port">Azurite's, or that of a proxy in front of it.</param>
    public static string ConnectionString(int port) =>
        $"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={Key};BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;";

    /// <summary>An address of a container that no other test uses.</summary>
    public static string NewAddress() => $"azblob://devstoreaccount1/t{Guid.NewGuid():N}";

    private static async Task<int> StartAsync()
    {
        var main = Path.Combine(await NodePackages.InstalledAsync("azurite"), "azurite", "dist", "src", "blob", "main.js");
        var start = new ProcessStartInfo("node")
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        foreach (var argument in new[] { "-e", Program, "--", main, Directory.CreateTempSubdirectory("slowrun-azurite-").FullName })
        {
            start.ArgumentList.Add(argument);
        }

        var azurite = running = Process.Start(start)!;
        var errors = azurite.StandardError.ReadToEndAsync();
        while (await azurite.StandardOutput.ReadLineAsync() is { } line)
        {
            if (Listening().Match(line) is { Success: true } match)
            {
                // Read on, or Azurite would block on a full pipe one day.
                _ = azurite.StandardOutput.ReadToEndAsync();
                return int.Parse(match.Groups[1].Value, null);
            }
        }

        throw new InvalidOperationException($"Azurite ended before it listened: {await errors}");
    }

    [GeneratedRegex(@"listens on http://127\.0\.0\.1:(\d+)")]
    private static partial Regex Listening();
}
