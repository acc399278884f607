namespace Slowrun.Grains.Slots;

/// <summary>
/// How long a slot loop that found nothing to do waits: every silo asks the store, so those at rest ask ever more rarely. What makes work
/// (a document that a client wrote, a stage's end, a silo that has gone) wakes the loop at once.
/// </summary>
internal sealed class LookPace
{
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);
    private const double Growth = 1.3;

    public TimeSpan Pause { get; private set; } = Shortest;

    /// <summary>Something was offered, or the loop was woken: more may follow.</summary>
    public void Reset() => Pause = Shortest;

    public void Grow() => Pause = Pause * Growth < Longest ? Pause * Growth : Longest;
}
