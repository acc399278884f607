using System.Collections.Concurrent;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Grains.Stages;

/// <summary>Writes events about why silos do not take a run's stages: each cause once, whatever the number of silos and looks.</summary>
internal sealed class TakeRefusals(IObjectStore store, TimeProvider time)
{
    public const string Kind = EventKind.TakeRefused;

    private const string Taken = EventKind.StageTaken;

    // A fleet's silos find the same thing at about the same time.
    private const int Newest = 50;

    private readonly ConcurrentDictionary<string, bool> told = new(StringComparer.Ordinal);

    /// <summary>Does not throw: a failed event must not stop a silo.</summary>
    /// <param name="message">Why, in words; the same from every silo that has the same cause.</param>
    /// <param name="siloName">The silo that refused.</param>
    /// <param name="about">The key of the cause, where messages of one cause differ; null: the message.</param>
    public async Task TellOnceAsync(string run, StageId id, string message, string siloName, string? about = null)
    {
        var cause = $"{run}/{id} {about ?? message}";
        if (!told.TryAdd(cause, true))
        {
            return;
        }

        try
        {
            var events = new RunEvents(store, run);
            var last = await events
                .ListAsync(newest: Newest)
                .Where(happened =>
                    happened.Stage == id.ToString() && (happened.Kind == Taken || (happened.Kind == Kind && happened.Message == message))
                )
                .LastOrDefaultAsync();
            if (last?.Kind != Kind)
            {
                await events.AppendAsync(new RunEvent(time.GetUtcNow(), Kind, id.ToString(), message) { Silo = siloName });
            }
        }
        catch (IOException)
        {
            // It is tried again at the next refusal.
            told.TryRemove(cause, out _);
        }
    }

    /// <summary>The stage was taken: the same cause later is reported again.</summary>
    public void Forget(string run, StageId id)
    {
        foreach (var cause in told.Keys.Where(cause => cause.StartsWith($"{run}/{id} ", StringComparison.Ordinal)))
        {
            told.TryRemove(cause, out _);
        }
    }
}
