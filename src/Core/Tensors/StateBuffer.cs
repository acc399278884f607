using System.Buffers;
using System.Runtime.InteropServices;

namespace Slowrun.Core.Tensors;

/// <summary>
/// Native memory for one captured training state: allocated and touched once, filled at a step boundary, read by the upload behind
/// the training. First touch costs six times a warm copy, so two of them are kept per stage and used in turn.
/// </summary>
public sealed unsafe class StateBuffer : IDisposable
{
    private const nuint TouchedAtOnce = 64 << 20;

    private readonly Slice[] slices;
    private readonly nuint size;
    private byte* memory;

    /// <param name="layout">What is captured, in order; every tensor starts at a multiple of 64 bytes.</param>
    /// <exception cref="ArgumentException">A tensor is longer than 2 GiB; no memory has been taken.</exception>
    public StateBuffer(IReadOnlyList<TensorLayout> layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        long length = 0;
        var offsets = new long[layout.Count];
        for (var i = 0; i < layout.Count; i++)
        {
            if (layout[i].LengthBytes > int.MaxValue)
            {
                throw new ArgumentException(
                    $"Tensor '{layout[i].Name}' has {layout[i].LengthBytes} bytes, expected at most {int.MaxValue}: divide it into pieces.",
                    nameof(layout)
                );
            }

            offsets[i] = length;
            length += (layout[i].LengthBytes + 63) / 64 * 64;
        }

        LengthBytes = layout.Sum(tensor => tensor.LengthBytes);
        size = (nuint)Math.Max(length, 64);
        memory = (byte*)NativeMemory.AlignedAlloc(size, 64);
        try
        {
            Touch();
        }
        catch
        {
            Dispose();
            throw;
        }

        slices = new Slice[layout.Count];
        var tensors = new TensorData[layout.Count];
        for (var i = 0; i < layout.Count; i++)
        {
            slices[i] = new Slice(memory + offsets[i], (int)layout[i].LengthBytes);
            tensors[i] = new TensorData(layout[i].Name, layout[i].Type, layout[i].Shape, slices[i].Memory);
        }

        Tensors = tensors;
    }

    /// <summary>The captured tensors: views of this buffer, valid until it is captured into again or disposed.</summary>
    public IReadOnlyList<TensorData> Tensors { get; }

    public long LengthBytes { get; }

    /// <summary>All of it: where it begins, and how long it is with the gaps between tensors.</summary>
    public (nint Start, nuint Length) Memory => ((nint)memory, size);

    /// <summary>Called once before the memory is given back: undoes the registration of the memory with a device. Null: it was not
    /// registered.</summary>
    public Action? Freeing { get; set; }

    /// <summary>Where tensor <paramref name="index"/> of the layout is written by a capture.</summary>
    public Span<byte> Span(int index) => slices[index].GetSpan();

    public void Dispose()
    {
        if (memory != null)
        {
            Freeing?.Invoke();
            NativeMemory.AlignedFree(memory);
            memory = null;
        }
    }

    /// <summary>Has the system give every page: one thread touches 2 to 3 GB a second, and a large state has tens of them.</summary>
    private void Touch()
    {
        var pieces = (int)((size + TouchedAtOnce - 1) / TouchedAtOnce);
        if (pieces == 1)
        {
            NativeMemory.Clear(memory, size);
            return;
        }

        var start = memory;
        Parallel.For(
            0,
            pieces,
            i =>
            {
                var from = (nuint)i * TouchedAtOnce;
                NativeMemory.Clear(start + from, Math.Min(TouchedAtOnce, size - from));
            }
        );
    }

    private sealed class Slice(byte* start, int length) : MemoryManager<byte>
    {
        public override Span<byte> GetSpan() => new(start, length);

        public override MemoryHandle Pin(int elementIndex = 0) => new(start + elementIndex);

        public override void Unpin() { }

        protected override void Dispose(bool disposing) { }
    }
}
