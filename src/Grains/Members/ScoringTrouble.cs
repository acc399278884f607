using System.Collections.Concurrent;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Members;

/// <summary>Tells people that something could not be scored, once for each cause.</summary>
internal sealed class ScoringTrouble(IObjectStore store, TimeProvider time)
{
    private readonly ConcurrentDictionary<(string, StageId?, string), bool> told = new();

    /// <summary>Never fails.</summary>
    /// <param name="id">The member; null: the ensemble.</param>
    public async Task TellAsync(string run, StageId? id, Exception error)
    {
        if (told.TryAdd((run, id, error.Message), true))
        {
            try
            {
                await new RunEvents(store, run).AppendAsync(new RunEvent(
                    time.GetUtcNow(),
                    "scoring-failed",
                    id?.ToString(),
                    $"{(id is null ? "The ensemble" : "It")} could not be scored and is tried again: {error.Message.Split('\n', 2)[0]}"));
            }
            catch (IOException)
            {
                // The log has it.
            }
        }
    }
}
