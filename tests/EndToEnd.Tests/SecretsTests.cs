using System.Text;
using System.Text.RegularExpressions;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Sas;
using Slowrun.Core.Plan;
using Slowrun.Storage.Blobs;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tests.Stores;
using Slowrun.Tests.Storage;

namespace Slowrun.EndToEnd.Tests;

/// <summary>
/// Silos and clients with credentials in their environment, on stores that work, refuse and do not answer: whatever they write anywhere is
/// searched for the credentials.
/// </summary>
[Collection(Cli.Waiting)]
public sealed class SecretsTests : IAsyncLifetime
{
    private const string Variable = "AZURE_STORAGE_CONNECTION_STRING";

    private readonly TemporaryStore temporary = new();
    private readonly string address = Azurite.NewAddress();
    private readonly StringBuilder written = new();
    private FaultyProxy proxy = null!;
    private string key = "";
    private string signature = "";
    private string sas = "";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var port = await Azurite.PortAsync();
        proxy = new FaultyProxy(port);
        key = Azurite.ConnectionString(port).Split("AccountKey=")[1].Split(';')[0];
        var query = new AccountSasBuilder
        {
            Services = AccountSasServices.Blobs,
            ResourceTypes = AccountSasResourceTypes.All,
            ExpiresOn = TimeProvider.System.GetUtcNow().AddHours(2),
            Protocol = SasProtocol.HttpsAndHttp,
        };
        query.SetPermissions(AccountSasPermissions.All);
        var signed = query.ToSasQueryParameters(new StorageSharedKeyCredential("devstoreaccount1", key));
        signature = signed.Signature;
        sas = signed.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        await proxy.DisposeAsync();
        temporary.Dispose();
    }

    [Fact]
    public async Task Run_WithAnAccountKey_WritesItNowhere()
    {
        var credentials = Azurite.ConnectionString(proxy.Port);
        Assert.Equal(0, await RunAsync(credentials, "run", "micro"));
        await ReadEverythingAsync(credentials);
        await NothingIsSecretAsync();
    }

    [Fact]
    public async Task Run_WithASasThatIsRefusedInTheMiddle_WritesItNowhere()
    {
        Assert.Equal(0, await RunAsync(Sas(proxy.Port), "submit", "tiny"));
        using (var silo = Start(Sas(proxy.Port), "silo", "--slots", "cpu:1", "--name", "one"))
        {
            var store = await AzureBlobStore.OpenAsync(
                address,
                create: false,
                Azurite.ConnectionString(await Azurite.PortAsync()),
                cancellationToken: Stop
            );
            await silo.UntilAsync(async stop =>
                (await new RunDocuments(store, "tiny").TryReadRootAsync(new StageId(0, 0), stop))?.DurableStep > 0
            );

            proxy.Always = ProxyFault.Denied;
            await silo.UntilAsync(_ => Task.FromResult(Everything(silo).Contains("Exception: The store", StringComparison.Ordinal)));
            foreach (var command in new[] { "status", "events", "pause" })
            {
                Assert.NotEqual(0, await RunAsync(Sas(proxy.Port), command, "tiny", "--verbose"));
            }

            Assert.Contains("refuses to", written.ToString(), StringComparison.Ordinal);
            proxy.Always = null;
            Processes.SignalIfAlive(silo.Process.Id, Processes.SigTerm);
            await silo.EndAsync(Stop);
            written.Append(Everything(silo));
        }

        await ReadEverythingAsync(Sas(proxy.Port), "tiny");
        await NothingIsSecretAsync();
    }

    [Fact]
    public async Task AnyCommand_OnAStoreThatRefusesOrDoesNotAnswer_ShowsNoCredential()
    {
        var wrong = Convert.ToBase64String(Encoding.UTF8.GetBytes("this is a secret that nobody may see"));
        var denied = Azurite.ConnectionString(await Azurite.PortAsync()).Replace(key, wrong, StringComparison.Ordinal);
        foreach (
            var credentials in new[]
            {
                denied,
                Sas(await Azurite.PortAsync()).Replace("sp=", "sp=r", StringComparison.Ordinal),
                "AccountKey=" + key,
            }
        )
        {
            foreach (var command in new[] { "run micro", "silo", "status micro", "doctor" })
            {
                Assert.NotEqual(0, await RunAsync(credentials, [.. command.Split(' '), "--verbose"]));
            }
        }

        Assert.Contains("Storage Blob Data Contributor", written.ToString(), StringComparison.Ordinal);
        // Each waits for as long as a client waits for a store; together they wait once.
        await Task.WhenAll(
            RunAsync(Sas(port: 1), "status", "micro", "--verbose"),
            RunAsync(Sas(port: 1), "silo", "--verbose"),
            RunAsync(Sas(port: 1), "run", "micro")
        );
        Assert.Contains("Is Azurite running", written.ToString(), StringComparison.Ordinal);
        Assert.NotEqual(0, await RunAsync(denied, "status", "micro", "--store", $"https://devstoreaccount1.blob.core.windows.net/c?{sas}"));
        await NothingIsSecretAsync(wrong);
    }

    private string Sas(int port) => $"BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;SharedAccessSignature={sas}";

    private CliProcess Start(string credentials, params string[] arguments) =>
        new(address, arguments, new() { [Variable] = credentials, ["TMPDIR"] = temporary.Path });

    private async Task<int> RunAsync(string credentials, params string[] arguments)
    {
        using var process = Start(credentials, arguments);
        var result = await process.EndAsync(Stop);
        lock (written)
        {
            written.AppendLine(result.Output).AppendLine(result.Error);
        }

        return result.ExitCode;
    }

    private async Task ReadEverythingAsync(string credentials, string run = "micro")
    {
        foreach (
            var command in new[]
            {
                $"status {run} -o json",
                $"events {run} -o json",
                "list -o json",
                $"checkpoints list {run}",
                $"checkpoints verify {run} -o json",
                $"checkpoints gc {run}",
                "doctor",
            }
        )
        {
            await RunAsync(credentials, command.Split(' '));
        }

        Assert.Contains("\"stages\"", written.ToString(), StringComparison.Ordinal);
    }

    private static string Everything(CliProcess process) => process.Output + process.Error;

    /// <summary>Searches what was printed, the files of logs, and every object of the store.</summary>
    private async Task NothingIsSecretAsync(params string[] more)
    {
        var places = new List<(string Place, string Text)> { ("printed", written.ToString()) };
        places.AddRange(
            Directory
                .EnumerateFiles(temporary.Path, "*", SearchOption.AllDirectories)
                .Select(file => (file, Encoding.Latin1.GetString(File.ReadAllBytes(file))))
        );
        var container = new BlobServiceClient(Azurite.ConnectionString(await Azurite.PortAsync())).GetBlobContainerClient(
            address.Split('/')[^1]
        );
        if (await container.ExistsAsync(Stop))
        {
            await foreach (var blob in container.GetBlobsAsync(cancellationToken: Stop))
            {
                var content = (await container.GetBlobClient(blob.Name).DownloadContentAsync(Stop)).Value.Content;
                places.Add((blob.Name, Encoding.Latin1.GetString(content)));
            }
        }

        string[] secrets = [key, Uri.EscapeDataString(key), signature, Uri.EscapeDataString(signature), .. more];
        // Random bytes of a checkpoint hold "sig=" now and then, but not before a value that a credential could be.
        var credential = new Regex("(?i)(sig|AccountKey)=(?!REDACTED)[A-Z0-9%+/_-]{16}");
        foreach (var (place, text) in places)
        {
            Assert.All(
                secrets,
                secret =>
                    Assert.False(text.Contains(secret, StringComparison.Ordinal), $"{place} shows a credential: {Around(text, secret)}")
            );
            Assert.DoesNotMatch(credential, text);
        }
    }

    private static string Around(string text, string secret)
    {
        var at = text.IndexOf(secret, StringComparison.Ordinal);
        return text.Substring(Math.Max(0, at - 300), Math.Min(300, Math.Max(0, at)));
    }
}
