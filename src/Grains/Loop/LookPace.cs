using Slowrun.Core;
using Slowrun.Grains.Slots;

namespace Slowrun.Grains.Loop;

/// <summary>
/// How long a slot loop that found nothing to do waits: every silo asks the store, so those at rest ask ever more rarely. What makes work
/// (a document that a client wrote, a stage's end, a silo that has gone) wakes the loop at once.
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

    /// <summary>The pause is over. A hint changes nothing: of those who are told of one piece of work most find none.</summary>
    public void Waited(Poked poked) =>
        looks = poked switch
        {
            Poked.Yes => 1,
            Poked.ByHint => looks,
            _ => looks + 1,
        };
}
