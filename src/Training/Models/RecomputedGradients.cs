using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>
/// The gradients that the last recomputed block returned to the backward pass of one worker. They must live until the engine has taken
/// them, which it has by the next block; held to the end of the micro-batch, all blocks' gradients would lie in memory at once. Written by
/// the thread that runs backward passes of a device, and by the worker once the pass has returned: never by both at a time.
/// </summary>
internal sealed class RecomputedGradients
{
    private IReadOnlyList<Tensor> last = [];

    public IReadOnlyList<Tensor> Keep(IReadOnlyList<Tensor> gradients)
    {
        Release();
        return last = gradients;
    }

    public void Release()
    {
        foreach (var tensor in last)
        {
            tensor.Dispose();
        }

        last = [];
    }
}
