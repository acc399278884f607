using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Tests.Tables;

/// <summary>A table as Microsoft's provider gives it, without a token to cancel; it fails, or hangs, when a test says so.</summary>
internal sealed class FaultyTable(StoreMembershipTable inner) : IMembershipTable
{
    /// <summary>Every operation fails.</summary>
    public bool IsAway { get; set; }

    /// <summary>As where only reading works.</summary>
    public bool RefusesWrites { get; set; }

    /// <summary>The next heartbeats never end.</summary>
    public int Hanging { get; set; }

    /// <summary>Heartbeats that were tried.</summary>
    public int Beats { get; private set; }

    public Task ProbeAsync(CancellationToken cancellationToken) =>
        RefusesWrites ? Task.FromException(new IOException("Refused.")) : AnswerAsync(() => Task.FromResult(true));

    public Task InitializeMembershipTable(bool tryInitTableVersion) => AnswerAsync(() => Task.FromResult(true));

    public Task DeleteMembershipTableEntries(string clusterId) => throw new NotSupportedException();

    public Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => throw new NotSupportedException();

    public Task<MembershipTableData> ReadRow(SiloAddress key) => AnswerAsync(() => inner.ReadRowAsync(key));

    public Task<MembershipTableData> ReadAll() => AnswerAsync(() => inner.ReadAllAsync());

    public Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion) =>
        AnswerAsync(() => inner.InsertRowAsync(entry, tableVersion));

    public Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) =>
        AnswerAsync(() => inner.UpdateRowAsync(entry, etag, tableVersion));

    public Task UpdateIAmAlive(MembershipEntry entry)
    {
        Beats++;
        if (Hanging > 0)
        {
            Hanging--;
            return new TaskCompletionSource().Task;
        }

        return AnswerAsync(async () =>
        {
            await inner.UpdateIAmAliveAsync(entry);
            return true;
        });
    }

    private Task<T> AnswerAsync<T>(Func<Task<T>> answer) => IsAway ? Task.FromException<T>(new IOException("Away.")) : answer();
}
