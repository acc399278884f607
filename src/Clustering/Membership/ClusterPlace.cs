namespace Slowrun.Clustering.Membership;

/// <summary>
/// Where the rows of a store's silos stand: in the store's own document, or in a table of an Azure storage account, for fleets whose
/// heartbeats would contend for one document.
/// </summary>
/// <param name="Table">Null: the document.</param>
/// <param name="Endpoint">Of the account's table service; null: that of the store's own account.</param>
public sealed record ClusterPlace(bool Table = false, Uri? Endpoint = null)
{
    private const string AzureTable = "azure-table";
    private const string InDocument = "document";

    public static ClusterPlace Document { get; } = new();

    /// <param name="text">As <see cref="ToString"/> writes it; null: not given.</param>
    /// <exception cref="FormatException">It is none.</exception>
    public static ClusterPlace? Parse(string? text)
    {
        switch (text)
        {
            case null:
                return null;
            case InDocument:
                return Document;
            case AzureTable:
                return new ClusterPlace(Table: true);
        }

        return
            text.StartsWith(AzureTable + "=", StringComparison.Ordinal)
            && Uri.TryCreate(text[(AzureTable.Length + 1)..], UriKind.Absolute, out var endpoint)
            && endpoint.Scheme is "https" or "http"
            && endpoint.Query.Length == 0
            && endpoint.UserInfo.Length == 0
            ? new ClusterPlace(Table: true, endpoint)
            // Not quoted: it may hold a signature.
            : throw new FormatException(
                $"--clustering is no place for a cluster: expected {InDocument}, {AzureTable} (of the store's own account), or {AzureTable}=https://ACCOUNT.table.core.windows.net. "
                    + "Credentials do not belong into it; they stand in AZURE_STORAGE_CONNECTION_STRING."
            );
    }

    public override string ToString() =>
        !Table ? InDocument
        : Endpoint is null ? AzureTable
        : $"{AzureTable}={Endpoint.OriginalString}";
}
