using Azure.Data.Tables;
using Slowrun.Clustering.Membership;
using Slowrun.Storage;
using Slowrun.Storage.Blobs;
using Slowrun.Storage.Remote;

namespace Slowrun.Clustering.Tables;

/// <summary>The table service that keeps a cluster's rows, opened with the credentials that open a blob store.</summary>
internal static class AzureTables
{
    /// <summary>One table an account; a store's rows are the partition of its cluster's id.</summary>
    public const string Name = "SlowrunSilos";

    private const string BlobScheme = "azblob://";

    // Orleans repeats failed operations with the next heartbeat or read; this retries only short failures.
    private static readonly RemoteStoreOptions Tries = new()
    {
        Deadline = TimeSpan.FromSeconds(10),
        EachTry = TimeSpan.FromSeconds(5),
        LongestDelay = TimeSpan.FromSeconds(1),
    };

    /// <param name="store">The store's address: the account where the place names none.</param>
    /// <param name="connectionString">Null: the environment's.</param>
    /// <exception cref="StoreException">The message says what is missing.</exception>
    public static TableServiceClient Connect(ClusterPlace place, string store, string? connectionString = null)
    {
        var account = Account(place, store);
        var options = new TableClientOptions
        {
            // The SDK must not retry besides: two retriers multiply.
            RetryPolicy = new AzureRetries($"The table service of the account '{account.Name}'", "Storage Table Data Contributor", Tries),
        };
        options.Diagnostics.IsLoggingEnabled = false;
        return account.Open(
            connectionString ?? AzureAccount.ConnectionString,
            "an account with a table service (AccountName=…;AccountKey=…;TableEndpoint=…)",
            $"the cluster's table is in '{account.Name}'",
            given => new TableServiceClient(given, options),
            service => service.AccountName,
            () =>
                new TableServiceClient(
                    place.Endpoint ?? new Uri($"http://127.0.0.1:10002/{AzureAccount.DevelopmentName}"),
                    new TableSharedKeyCredential(AzureAccount.DevelopmentName, AzureAccount.DevelopmentKey),
                    options
                ),
            credential => new TableServiceClient(
                place.Endpoint ?? new Uri($"https://{account.Name}.table.core.windows.net"),
                credential,
                options
            )
        );
    }

    /// <summary>Writes an entity that is never read, in a partition beside the cluster's rows: whether heartbeats can be written.</summary>
    public static Task ProbeAsync(TableServiceClient account, StoreCluster cluster, CancellationToken cancellationToken) =>
        account
            .GetTableClient(Name)
            .UpsertEntityAsync(new TableEntity($"{cluster.Id}-probe", "probe"), TableUpdateMode.Replace, cancellationToken);

    private static AzureAccount Account(ClusterPlace place, string store)
    {
        if (place.Endpoint is { } endpoint)
        {
            // Azurite has its account in the path.
            return new AzureAccount(endpoint.AbsolutePath.Trim('/') is { Length: > 0 } path ? path : endpoint.Host.Split('.')[0]);
        }

        return store.StartsWith(BlobScheme, StringComparison.Ordinal)
            ? new AzureAccount(store[BlobScheme.Length..].Split('/')[0])
            : throw new StoreException(
                StoreProblem.Unsuitable,
                $"The store '{store}' is in no storage account whose table service could keep its cluster: say which, "
                    + "--clustering azure-table=https://ACCOUNT.table.core.windows.net."
            );
    }
}
