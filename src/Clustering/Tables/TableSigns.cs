using System.Globalization;
using System.Net;
using Azure;
using Azure.Data.Tables;
using Azure.Identity;

namespace Slowrun.Clustering.Tables;

/// <summary>The heartbeats in Orleans' own table, for clients without a connection. Its columns are not part of Orleans' API: rows that are
/// not as expected are left out, and a test would find a change.</summary>
/// <param name="Version">Of the membership.</param>
/// <param name="Rows">By silo, as <c>SiloAddress.ToParsableString</c> writes it.</param>
internal sealed record TableSigns(int Version, IReadOnlyDictionary<string, (SiloStatus Status, DateTime Sign)> Rows)
{
    // A user waits for it, and the store has told of the silos already.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    private static readonly string[] Columns = ["RowKey", "Address", "Port", "Generation", "Status", "IAmAliveTime", "MembershipVersion"];

    /// <returns>Null where the table cannot be read.</returns>
    public static async Task<TableSigns?> TryReadAsync(TableServiceClient account, string clusterId, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        var version = 0;
        var rows = new Dictionary<string, (SiloStatus, DateTime)>(StringComparer.Ordinal);
        try
        {
            var filter = TableClient.CreateQueryFilter($"PartitionKey eq {clusterId}");
            var table = account.GetTableClient(AzureTables.Name);
            await foreach (var row in table.QueryAsync<TableEntity>(filter, select: Columns, cancellationToken: limit.Token))
            {
                if (
                    row.RowKey == "VersionRow"
                    && int.TryParse(Text(row, "MembershipVersion"), CultureInfo.InvariantCulture, out var number)
                )
                {
                    version = number;
                }
                else if (Row(row) is var (silo, status, sign))
                {
                    rows[silo] = (status, sign);
                }
            }
        }
        catch (Exception e)
            when (!cancellationToken.IsCancellationRequested
                && e is IOException or RequestFailedException or AuthenticationFailedException or OperationCanceledException
            )
        {
            return null;
        }

        return new(version, rows);
    }

    private static (string Silo, SiloStatus Status, DateTime Sign)? Row(TableEntity row)
    {
        if (
            !IPAddress.TryParse(Text(row, "Address"), out var address)
            || !int.TryParse(Text(row, "Port"), CultureInfo.InvariantCulture, out var port)
            || !int.TryParse(Text(row, "Generation"), CultureInfo.InvariantCulture, out var generation)
            || !Enum.TryParse<SiloStatus>(Text(row, "Status"), out var status)
        )
        {
            return null;
        }

        try
        {
            var sign = LogFormatter.ParseDate(Text(row, "IAmAliveTime"));
            return (SiloAddress.New(address, port, generation).ToParsableString(), status, DateTime.SpecifyKind(sign, DateTimeKind.Utc));
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static string Text(TableEntity row, string column) => row.TryGetValue(column, out var value) ? value as string ?? "" : "";
}
