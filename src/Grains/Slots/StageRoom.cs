using Slowrun.Core.Plan;

namespace Slowrun.Grains.Slots;

/// <summary>How many stages this silo trains at a time: by the option <c>--stages</c>.</summary>
/// <param name="most">Null: as many as it has slots.</param>
internal sealed class StageRoom(int? most, LocalWork local)
{
    /// <summary>How many more; null: as many as slots are free. A stage that was let go does not count, while the rest of it is written
    /// behind.</summary>
    public int? Left =>
        most is { } number ? Math.Max(0, number - local.Names.Count(work => WorkName.IsTraining(work) && local.IsHeld(work))) : null;
}
