using System.Text.RegularExpressions;
using Azure.Storage.Blobs;
using Slowrun.Storage.Remote;

namespace Slowrun.Storage.Blobs;

/// <summary>An address <c>azblob://account/container</c>, and how to reach what it names.</summary>
internal sealed partial record BlobAddress(string Account, string Container)
{
    public const string Scheme = "azblob://";

    /// <summary>What the user should check when it does not answer.</summary>
    public string Unreachable =>
        new AzureAccount(Account).IsDevelopment
            ? $"Is Azurite running (azurite-blob, on 127.0.0.1:10000 unless {AzureAccount.ConnectionStringVariable} says otherwise)?"
            : "Is the network up, and the account's name right?";

    public override string ToString() => $"{Scheme}{Account}/{Container}";

    /// <exception cref="StoreException">Not such an address.</exception>
    public static BlobAddress Parse(string address)
    {
        var match = Form().Match(address);
        return match.Success
            ? new BlobAddress(match.Groups["account"].Value, match.Groups["container"].Value)
            : throw new StoreException(
                StoreProblem.Unsuitable,
                $"'{Secrets.Redacted(address)}' is no address of a blob container: expected {Scheme}ACCOUNT/CONTAINER, "
                    + "the container of 3 to 63 lower-case "
                    + "letters, digits and single hyphens. Credentials do not belong into it; they stand in "
                    + $"{AzureAccount.ConnectionStringVariable}."
            );
    }

    /// <param name="connectionString">The environment's, if it has one.</param>
    public BlobContainerClient Connect(string? connectionString)
    {
        // The SDK must not retry: two retriers multiply, and only one of them knows what a conflict after a retry means.
        var account = new AzureAccount(Account);
        var options =
            string.IsNullOrWhiteSpace(connectionString) && account.IsDevelopment
                // The newest version that Azurite 3.37 speaks.
                ? new BlobClientOptions(BlobClientOptions.ServiceVersion.V2026_06_06)
                : new BlobClientOptions();
        options.Retry.MaxRetries = 0;
        options.Retry.NetworkTimeout = Timeout.InfiniteTimeSpan;
        options.Diagnostics.IsLoggingEnabled = false;
        return account
            .Open(
                connectionString,
                "a storage account (AccountName=…;AccountKey=…;…)",
                $"the store is '{this}'",
                given => new BlobServiceClient(given, options),
                service => service.AccountName,
                () => new BlobServiceClient("UseDevelopmentStorage=true", options),
                credential => new BlobServiceClient(new Uri($"https://{Account}.blob.core.windows.net"), credential, options)
            )
            .GetBlobContainerClient(Container);
    }

    [GeneratedRegex("^azblob://(?<account>[a-z0-9]{3,24})/(?<container>(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*)$", RegexOptions.ExplicitCapture)]
    private static partial Regex Form();
}
