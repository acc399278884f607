using Slowrun.Storage;

namespace Slowrun.Clustering.Membership;

/// <summary>
/// How silos ended, kept in their rows of the membership: written by the supervisors of their processes, read by the next owners of their
/// stages, to distinguish a stage that crashes every process from lost machines.
/// </summary>
public sealed class SiloEnds(IObjectStore store)
{
    private readonly MembershipFile file = new(store);

    /// <summary>Notes how a process of this machine ended, and that its silo is dead. Nothing where it had not begun to join.</summary>
    public Task RecordAsync(int processId, SiloEnd end, CancellationToken cancellationToken = default) =>
        RecordAsync(process => process.ProcessId == processId, end, cancellationToken);

    /// <summary>The same for the process that ended last, for a supervisor that does not know its number.</summary>
    public Task RecordLastAsync(SiloEnd end, CancellationToken cancellationToken = default) =>
        RecordAsync(process => process.IsGone(), end, cancellationToken);

    /// <summary>Null where it is not recorded.</summary>
    /// <param name="silo">As <c>SiloAddress.ToParsableString</c> writes it.</param>
    public async Task<SiloEnd?> TryFindAsync(string silo, CancellationToken cancellationToken = default) =>
        (await file.ReadAsync(cancellationToken).ConfigureAwait(false)).Rows.FirstOrDefault(row => row.Silo == silo)?.End;

    private Task RecordAsync(Func<ProcessIdentity, bool> isMeant, SiloEnd end, CancellationToken cancellationToken)
    {
        var writeId = Guid.NewGuid().ToString("N");
        return file.ChangeAsync(
            document =>
            {
                // Of several rows with one process id the newest: ids are used again.
                var row = document
                    .Rows.Where(row => row.Process is { IsOfThisMachine: true } process && isMeant(process))
                    .MaxBy(row => row.StartTime);
                return row is null || row.End is not null
                    ? document
                    : document.With(row, row with { End = end, Status = SiloStatus.Dead, ETag = writeId }) with
                    {
                        Version = document.Version + 1,
                        WriteId = writeId,
                    };
            },
            cancellationToken
        );
    }
}
