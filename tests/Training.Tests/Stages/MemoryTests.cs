using Slowrun.Training.Stages;

namespace Slowrun.Training.Tests.Stages;

/// <summary>Alone in its process at that moment: what other tests hold would count.</summary>
[Collection(nameof(MemoryTests))]
[CollectionDefinition(nameof(MemoryTests), DisableParallelization = true)]
public sealed class MemoryTests
{
    /// <summary>A tensor lost in every step would be some hundred kilobytes a step here.</summary>
    [Fact]
    public void RunStep_ManyTimes_KeepsMemoryFlat()
    {
        var inputs = SmallStage.Inputs(SmallStage.Recipe with { Epochs = 700, BatchTokens = 32, DeviceRows = 1, Lanes = 2 });
        using var training = StageTraining.Begin(inputs, SmallStage.Cpus(2));
        SmallStage.Run(training, until: 200);
        var before = ResidentBytes();

        SmallStage.Run(training, until: 700);

        var grown = ResidentBytes() - before;
        Assert.True(grown < 24 << 20, $"500 steps made the process grow by {grown / 1024} KiB.");
    }

    private static long ResidentBytes()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        return Environment.WorkingSet;
    }
}
