using Slowrun.Training.Numerics;

namespace Slowrun.Training.Tests.Numerics;

/// <summary>What can be told without a device: that libtorch has the functions that are called, under these names.</summary>
public sealed class CudaDeterminismTests
{
    [Fact]
    public void LeaveNewMemory_EndsThatLibtorchWritesOverIt()
    {
        CudaDeterminism.LeaveNewMemory();

        Assert.False(CudaDeterminism.FillsNewMemory);
    }
}
