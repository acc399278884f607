using Slowrun.Core.Tensors;

namespace Slowrun.Core.Tests.Tensors;

public sealed class StateBufferTests
{
    [Fact]
    public void Construct_WithATensorThatNoSpanHolds_NamesItBeforeTakingMemory()
    {
        // No machine has so much memory: taking it first would fail in another way.
        var layout = new TensorLayout("moments", ElementType.F32, [1L << 58]);

        var error = Assert.Throws<ArgumentException>(() => new StateBuffer([layout]));

        Assert.Contains("'moments' has 1152921504606846976 bytes", error.Message, StringComparison.Ordinal);
    }
}
