using Slowrun.Core;
using Slowrun.Grains.Slots;

namespace Slowrun.Grains.Loop;

/// <summary>
/// How long a slot loop waits after a look that found nothing: longer after each, since every look costs the store operations. Events that
/// make work (a document that a client wrote, a stage's end, the loss of a silo) wake the loop at once.
/// </summary>
internal sealed class LookPace(Backoff pauses)
{
    private static readonly Backoff Pauses = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5), Growth: 1.3);

    private int looks = 1;

    public LookPace()
        : this(Pauses) { }

    public TimeSpan Pause => pauses.After(looks);

    /// <summary>Something was offered: more may follow.</summary>
    public void Reset() => looks = 1;

    /// <summary>The pause is over. A hint does not change the pace: most silos that are woken for one piece of work find none.</summary>
    public void Waited(Poked poked) =>
        looks = poked switch
        {
            Poked.Yes => 1,
            Poked.ByHint => looks,
            _ => looks + 1,
        };
}
