using System.Buffers;
using System.Runtime.InteropServices;

namespace Slowrun.Core.Tensors;

/// <summary>
/// Native memory for one captured training state: allocated and touched once, filled at a step boundary, read by the upload behind
/// the training. First touch costs six times a warm copy, so two of them are kept per stage and used in turn.
/// </summary>
public sealed unsafe class StateBuffer : IDisposable
{
    private readonly Slice[] slices;
    private byte* memory;

    /// <param name="layout">What is captured, in order; every tensor starts at a multiple of 64 bytes.</param>
    public StateBuffer(IReadOnlyList<TensorLayout> layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        long length = 0;
        var offsets = new long[layout.Count];
        for (var i = 0; i < layout.Count; i++)
        {
            offsets[i] = length;
            length += (layout[i].LengthBytes + 63) / 64 * 64;
        }

        LengthBytes = layout.Sum(tensor => tensor.LengthBytes);
        memory = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(length, 64), 64);
        NativeMemory.Clear(memory, (nuint)Math.Max(length, 64));
        slices = new Slice[layout.Count];
        var tensors = new TensorData[layout.Count];
        for (var i = 0; i < layout.Count; i++)
        {
            slices[i] = new Slice(memory + offsets[i], checked((int)layout[i].LengthBytes));
            tensors[i] = new TensorData(layout[i].Name, layout[i].Type, layout[i].Shape, slices[i].Memory);
        }

        Tensors = tensors;
    }

    /// <summary>The captured tensors: views of this buffer, valid until it is captured into again or disposed.</summary>
    public IReadOnlyList<TensorData> Tensors { get; }

    public long LengthBytes { get; }

    /// <summary>Where tensor <paramref name="index"/> of the layout is written by a capture.</summary>
    public Span<byte> Span(int index) => slices[index].GetSpan();

    public void Dispose()
    {
        if (memory != null)
        {
            NativeMemory.AlignedFree(memory);
            memory = null;
        }
    }

    private sealed class Slice(byte* start, int length) : MemoryManager<byte>
    {
        public override Span<byte> GetSpan() => new(start, length);

        public override MemoryHandle Pin(int elementIndex = 0) => new(start + elementIndex);

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
