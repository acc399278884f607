using Slowrun.Core.Tensors;
using Slowrun.Training.Copies;
using Slowrun.Training.Parameters;
using TorchSharp;

namespace Slowrun.Training.Stages;

/// <summary>
/// Copies a training state to the host. With a device the copy runs on a separate thread and stream while the next step computes its
/// gradient, which does not change the state; the update waits for it (<see cref="Wait"/>). On processors it is done at once.
/// </summary>
/// <param name="copies">Of the device that the state lies on; null: it lies in the host's memory.</param>
internal sealed class StateCapture(IReadOnlyList<NamedTensor> tensors, DeviceCopies? copies) : IDisposable
{
    // A core alone does not fill the memory's bandwidth; a small state is copied before another thread has begun.
    private const long BothCoresFrom = 16 << 20;

    private Task under = Task.CompletedTask;
    private Action<Task>? howToWait;

    /// <summary>For tests: takes the state's tensors for a device's.</summary>
    internal bool AllOnDevice { get; init; }

    /// <summary>A buffer for captures, made ready for fast ones.</summary>
    public StateBuffer NewBuffer(IReadOnlyList<TensorLayout> layout)
    {
        var buffer = new StateBuffer(layout);
        try
        {
            copies?.Pin(buffer);
            return buffer;
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
    }

    /// <summary>Begins a capture of the state as it is now. One at a time.</summary>
    /// <param name="waiting">How the trainer's thread waits where it has to; null: plainly.</param>
    /// <returns>Ends when the buffer holds the state.</returns>
    public Task Begin(StateBuffer into, Action<Task>? waiting = null)
    {
        Wait();
        if (copies is null)
        {
            Copy(into);
            return Task.CompletedTask;
        }

        copies.Settle();
        howToWait = waiting;
        return under = Task.Factory.StartNew(
            () => Copy(into),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default
        );
    }

    /// <summary>To be called before anything of the state changes: returns when the capture is done.</summary>
    public void Wait()
    {
        if (!under.IsCompleted && howToWait is not null)
        {
            howToWait(under);
        }

        var done = under;
        under = Task.CompletedTask;
        done.GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        Wait();
        copies?.Dispose();
    }

    private void Copy(StateBuffer into)
    {
        var half = copies is null && into.LengthBytes >= BothCoresFrom ? Middle(into) : tensors.Count;
        var second = half == tensors.Count ? Task.CompletedTask : Task.Run(() => Copy(into, half, tensors.Count));
        Copy(into, 0, half);
        second.GetAwaiter().GetResult();
        copies?.Wait();
    }

    /// <summary>Where the second half of the bytes begins.</summary>
    private int Middle(StateBuffer into)
    {
        var (i, before) = (0, 0L);
        while (i < tensors.Count && before < into.LengthBytes / 2)
        {
            before += into.Span(i++).Length;
        }

        return i;
    }

    private void Copy(StateBuffer into, int from, int to)
    {
        for (var i = from; i < to; i++)
        {
            var tensor = tensors[i].Tensor;
            if (copies is not null && (AllOnDevice || tensor.device_type != DeviceType.CPU))
            {
                copies.Begin(DeviceAddress.Of(tensor.Handle), into.Span(i));
            }
            else
            {
                tensor.bytes.CopyTo(into.Span(i));
            }
        }
    }
}
