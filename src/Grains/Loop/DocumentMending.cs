using Microsoft.Extensions.Logging;
using Slowrun.Core.Plan;
using Slowrun.Grains.Slots;
using Slowrun.Grains.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;

namespace Slowrun.Grains.Loop;

/// <summary>Mends damaged documents of a run, as far as that needs no person.</summary>
internal sealed partial class DocumentMending(
    IObjectStore store,
    LocalWork local,
    ILivingOwners living,
    ILocalSiloDetails silo,
    TimeProvider time,
    ILogger<DocumentMending> log
)
{
    // Where a person has to decide, or the store refuses: each try costs a listing and the reading of a checkpoint.
    private static readonly TimeSpan Again = TimeSpan.FromMinutes(1);

    private readonly RunRepair repair = new(store, time);
    private readonly Dictionary<string, long> tried = new(StringComparer.Ordinal);
    private readonly HashSet<string> copied = new(StringComparer.Ordinal);

    /// <returns>Whether anything was mended, so that the facts are other ones now.</returns>
    public async Task<bool> MendAsync(RunFacts facts, CancellationToken stop)
    {
        var run = facts.Spec.Name;
        if (facts.Damage.Count == 0)
        {
            if (copied.Add(run))
            {
                await repair.CopyAsync(run, stop);
            }

            return false;
        }

        var due = facts.Damage.Where(damage => !tried.TryGetValue(damage.Name, out var at) || time.GetElapsedTime(at) >= Again).ToList();
        foreach (var damage in due)
        {
            tried[damage.Name] = time.GetTimestamp();
        }

        var mended = await repair.MendAsync(
            facts with
            {
                Damage = due,
            },
            // A stage whose root names this silo, but on which it does not work, has no owner at work. The facts were judged without the
            // root that is damaged: its owner may have joined after the view that they go by.
            (stage, owner) =>
                owner.Silo == silo.SiloAddress.ToParsableString()
                    ? ValueTask.FromResult(local.Has(WorkName.Train(run, stage)))
                    : living.IsAliveAsync(owner, stop),
            stop
        );
        foreach (var one in mended)
        {
            LogMended(log, run, one);
        }

        if (mended.Count > 0)
        {
            // Damaged once more, it is mended at once.
            tried.Clear();
        }

        return mended.Count > 0;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {Run}: {What}")]
    private static partial void LogMended(ILogger logger, string run, string what);
}
