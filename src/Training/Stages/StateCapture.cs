using Slowrun.Core.Tensors;
using Slowrun.Training.Copies;
using Slowrun.Training.Parameters;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Stages;

/// <summary>
/// Copies a training state to the host. With devices the copy runs on a separate thread, and on a stream of each device, while the next
/// step computes its gradient, which does not change the state; the update waits for it (<see cref="Wait"/>). On processors it is done at
/// once.
/// </summary>
internal sealed class StateCapture : IDisposable
{
    // From here on a state is copied past the caches, which do not hold it, and by two threads: a core alone does not fill the memory's
    // bandwidth, but a small state is copied before another thread has begun.
    private const long LargeFrom = 16 << 20;

    // Of each device that the state lies on, the first one's first: what a buffer was pinned by stays. None: it lies in the host's memory.
    private readonly List<(int Device, DeviceCopies Copies)> opened = [];
    private readonly Func<int, DeviceCopies> open;
    private readonly bool allOnOne;
    private IReadOnlyList<NamedTensor> tensors = [];
    private Task under = Task.CompletedTask;
    private Action<Task>? howToWait;

    /// <param name="devices">Those that it lies on, the parameters' first.</param>
    /// <param name="playedBy">For tests: opens devices by their places in the list, as if each had memory of its own and all of the state
    /// lay on the first. Null: the driver's own.</param>
    public StateCapture(TrainingState state, IReadOnlyList<Device> devices, Func<int, DeviceCopies>? playedBy = null)
    {
        (open, allOnOne) = (playedBy ?? (index => DeviceCopies.Open(index)), playedBy is not null);
        try
        {
            Reach(devices);
            Follow(state, devices);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Makes ready for a state that lies on these devices too: whatever of <see cref="Follow"/> can fail. After a failure all is
    /// as before.</summary>
    /// <exception cref="InvalidOperationException">The driver refuses.</exception>
    public void Reach(IReadOnlyList<Device> devices)
    {
        Wait();
        var before = opened.Count;
        try
        {
            foreach (var device in Numbers(devices).Except(opened.Select(one => one.Device)).ToList())
            {
                opened.Add((device, open(device)));
            }
        }
        catch
        {
            foreach (var (_, copies) in opened.Skip(before))
            {
                copies.Dispose();
            }

            opened.RemoveRange(before, opened.Count - before);
            throw;
        }
    }

    /// <summary>The state's tensors lie elsewhere from now on.</summary>
    /// <param name="devices">Some of those that were reached, with the first one of before.</param>
    public void Follow(TrainingState state, IReadOnlyList<Device> devices)
    {
        Wait();
        tensors = state.Tensors;
        var wanted = Numbers(devices);
        foreach (var gone in opened.Where(one => !wanted.Contains(one.Device)).ToList())
        {
            opened.Remove(gone);
            gone.Copies.Dispose();
        }
    }

    /// <summary>A buffer for captures, made ready for fast ones.</summary>
    public StateBuffer NewBuffer(IReadOnlyList<TensorLayout> layout)
    {
        var buffer = new StateBuffer(layout);
        try
        {
            if (opened.Count > 0)
            {
                // For the contexts of all devices.
                opened[0].Copies.Pin(buffer);
            }

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
        if (opened.Count == 0)
        {
            Copy(into);
            return Task.CompletedTask;
        }

        foreach (var (_, copies) in opened)
        {
            copies.Settle();
        }

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
        foreach (var (_, copies) in opened)
        {
            copies.Dispose();
        }
    }

    /// <summary>CUDA's numbers of the devices with memory of their own.</summary>
    private int[] Numbers(IReadOnlyList<Device> devices) =>
        allOnOne
            ? [.. Enumerable.Range(0, devices.Count)]
            : [.. devices.Where(device => device.type != DeviceType.CPU).Select(device => device.index).Distinct()];

    private void Copy(StateBuffer into)
    {
        var half = opened.Count == 0 && into.LengthBytes >= LargeFrom ? Middle(into) : tensors.Count;
        var second = half == tensors.Count ? Task.CompletedTask : Task.Run(() => Copy(into, half, tensors.Count));
        Copy(into, 0, half);
        second.GetAwaiter().GetResult();
        foreach (var (_, copies) in opened)
        {
            copies.Wait();
        }
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
            var rest = into.Span(i);
            foreach (var part in tensors[i].Parts)
            {
                var bytes = rest[..checked((int)(part.numel() * part.ElementSize))];
                rest = rest[bytes.Length..];
                if (CopiesOf(part) is { } copies)
                {
                    copies.Begin(DeviceAddress.Of(part.Handle), bytes);
                }
                else if (into.LengthBytes >= LargeFrom)
                {
                    StreamingCopy.Copy(part.bytes, bytes);
                }
                else
                {
                    part.bytes.CopyTo(bytes);
                }
            }
        }
    }

    /// <summary>Null: it lies in the host's memory.</summary>
    private DeviceCopies? CopiesOf(Tensor tensor) =>
        allOnOne ? opened[0].Copies
        : tensor.device_type == DeviceType.CPU ? null
        : opened.First(one => one.Device == tensor.device_index).Copies;
}
