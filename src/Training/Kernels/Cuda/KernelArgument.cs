using static TorchSharp.torch;

namespace Slowrun.Training.Kernels.Cuda;

/// <summary>An argument of a kernel as the driver reads it: at the beginning of a word, with the length that the kernel declares.</summary>
internal readonly struct KernelArgument
{
    private readonly ulong word;

    private KernelArgument(ulong word) => this.word = word;

    public static implicit operator KernelArgument(int value) => new(unchecked((uint)value));

    public static implicit operator KernelArgument(long value) => new(unchecked((ulong)value));

    public static implicit operator KernelArgument(uint value) => new(value);

    public static implicit operator KernelArgument(ulong value) => new(value);

    public static implicit operator KernelArgument(float value) => new(BitConverter.SingleToUInt32Bits(value));

    public static implicit operator KernelArgument(double value) => new(BitConverter.DoubleToUInt64Bits(value));

    /// <summary>The address of a contiguous tensor; 0 for null.</summary>
    public static unsafe implicit operator KernelArgument(Tensor? tensor) =>
        tensor is null ? default
        : tensor.is_contiguous() ? new((ulong)Matrix.Address(tensor))
        : throw new ArgumentException($"A tensor [{string.Join(", ", tensor.shape)}] is not contiguous; a kernel reads it as if it were.");
}
