using Azure.Core;
using Azure.Data.Tables;
using Azure.Identity;
using Slowrun.Clustering.Membership;
using Slowrun.Storage;

namespace Slowrun.Clustering.Tables;

/// <summary>The table service that keeps a cluster's rows, opened with the credentials that open a blob store.</summary>
internal static class AzureTables
{
    /// <summary>One table an account; a store's rows are the partition of its cluster's id.</summary>
    public const string Name = "SlowrunSilos";

    private const string ConnectionStringVariable = "AZURE_STORAGE_CONNECTION_STRING";
    private const string BlobScheme = "azblob://";

    // Azurite's account; its key is public.
    private const string DevelopmentAccount = "devstoreaccount1";
    private const string DevelopmentKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    /// <param name="store">The store's address: the account where the place names none.</param>
    /// <param name="connectionString">Null: the environment's.</param>
    /// <exception cref="StoreException">The message says what is missing.</exception>
    public static TableServiceClient Connect(ClusterPlace place, string store, string? connectionString = null)
    {
        connectionString ??= Environment.GetEnvironmentVariable(ConnectionStringVariable);
        var options = new TableClientOptions();
        // Orleans tries again what failed, with the next heartbeat or look; here only what is over in a moment.
        options.Retry.Mode = RetryMode.Exponential;
        options.Retry.MaxRetries = 3;
        options.Retry.Delay = TimeSpan.FromMilliseconds(200);
        options.Retry.NetworkTimeout = TimeSpan.FromSeconds(10);
        options.Diagnostics.IsLoggingEnabled = false;
        var account = Account(place, store);
        if (!string.IsNullOrWhiteSpace(connectionString))
        {
            return WithConnectionString(connectionString, account, options);
        }

        return account == DevelopmentAccount
            ? new TableServiceClient(
                place.Endpoint ?? new Uri($"http://127.0.0.1:10002/{DevelopmentAccount}"),
                new TableSharedKeyCredential(DevelopmentAccount, DevelopmentKey),
                options
            )
            : new TableServiceClient(
                place.Endpoint ?? new Uri($"https://{account}.table.core.windows.net"),
                new DefaultAzureCredential(),
                options
            );
    }

    private static TableServiceClient WithConnectionString(string connectionString, string account, TableClientOptions options)
    {
        TableServiceClient client;
        try
        {
            client = new TableServiceClient(connectionString, options);
        }
        catch (Exception e) when (e is FormatException or ArgumentException or InvalidOperationException)
        {
            // Without the inner exception: it may quote the string.
            throw new StoreException(
                StoreProblem.Denied,
                $"{ConnectionStringVariable} is no connection string with a table service (AccountName=…;AccountKey=…;TableEndpoint=…): {e.GetType().Name}."
            );
        }

        return client.AccountName == account
            ? client
            : throw new StoreException(
                StoreProblem.Denied,
                $"{ConnectionStringVariable} is for the account '{client.AccountName}', the cluster's table is in '{account}'. Set or unset it to match."
            );
    }

    private static string Account(ClusterPlace place, string store)
    {
        if (place.Endpoint is { } endpoint)
        {
            // Azurite has its account in the path.
            return endpoint.AbsolutePath.Trim('/') is { Length: > 0 } path ? path : endpoint.Host.Split('.')[0];
        }

        return store.StartsWith(BlobScheme, StringComparison.Ordinal)
            ? store[BlobScheme.Length..].Split('/')[0]
            : throw new StoreException(
                StoreProblem.Unsuitable,
                $"The store '{store}' is in no storage account whose table service could keep its cluster: say which, --clustering azure-table=https://ACCOUNT.table.core.windows.net."
            );
    }
}
