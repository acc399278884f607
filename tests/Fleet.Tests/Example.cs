using Slowrun.Core.Stages;

namespace Slowrun.Fleet.Tests;

/// <summary>What the tests of a fleet begin with.</summary>
internal static class Example
{
    public static readonly DateTimeOffset Start = new(2026, 11, 1, 12, 0, 0, TimeSpan.Zero);

    public static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>A stage without an owner, with a checkpoint.</summary>
    public static StageRoot Begun(int step) =>
        new()
        {
            EpochToken = 1,
            Steps = 8,
            Current = new CheckpointRef("manifest", "hash", step, 1, 2_500_000, Start.AddSeconds(-30)),
            WrittenAt = Start.AddSeconds(-30),
        };
}
