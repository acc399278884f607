using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Slowrun.Training.Numerics;

/// <summary>
/// Calls operators of libtorch that TorchSharp has no method for, by name, with autograd, through the stable C interface
/// (<c>torch/csrc/stable</c>): every argument is a word of 8 bytes, in the schema's order, none left out.
/// </summary>
internal static unsafe partial class Dispatcher
{
    private const string Library = "libtorch_cpu";

    public static ulong Of(bool value) => value ? 1UL : 0;

    public static ulong Of(long value) => unchecked((ulong)value);

    public static ulong Of(double value) => BitConverter.DoubleToUInt64Bits(value);

    /// <summary>A new reference, which the call takes over.</summary>
    public static ulong Of(Tensor tensor)
    {
        Check(NewTensorHandle(tensor.Handle, out var handle), nameof(NewTensorHandle));
        GC.KeepAlive(tensor);
        return (ulong)handle;
    }

    /// <summary>An argument that may be absent: a word on the heap, which the call frees.</summary>
    public static ulong Optional(ulong? value)
    {
        if (value is not { } given)
        {
            return 0;
        }

        // libtorch frees it by delete, which is free in GNU's library.
        var word = (ulong*)NativeMemory.Alloc(sizeof(ulong));
        *word = given;
        return (ulong)word;
    }

    /// <param name="name">For example <c>aten::add</c>.</param>
    /// <param name="results">How many tensors it returns.</param>
    /// <returns>Its results, in the caller's dispose scope.</returns>
    /// <exception cref="InvalidOperationException">The operator does not exist here, or refused; libtorch has written why to the error
    /// output.</exception>
    public static Tensor[] Call(string name, int results, params ReadOnlySpan<ulong> arguments) => Call(name, "", results, arguments);

    /// <param name="overload">For example <c>Tensor</c>; empty: the operator has none, or the first.</param>
    /// <inheritdoc cref="Call(string, int, ReadOnlySpan{ulong})"/>
    public static Tensor[] Call(string name, string overload, int results, params ReadOnlySpan<ulong> arguments)
    {
        Span<ulong> stack = stackalloc ulong[Math.Max(results, arguments.Length)];
        arguments.CopyTo(stack);
        fixed (ulong* words = stack)
        {
            Check(CallDispatcher(name, overload, words), name);
        }

        var found = new Tensor[results];
        for (var i = 0; i < results; i++)
        {
            found[i] = Tensor.UnsafeCreateTensor((nint)stack[i]);
        }

        return found;
    }

    private static void Check(int error, string operation)
    {
        if (error != 0)
        {
            throw new InvalidOperationException($"libtorch refused '{operation}' (error {error}; its reason is in the error output).");
        }
    }

    [LibraryImport(Library, EntryPoint = "aoti_torch_call_dispatcher", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int CallDispatcher(string name, string overload, ulong* stack);

    [LibraryImport(Library, EntryPoint = "aoti_torch_new_tensor_handle")]
    private static partial int NewTensorHandle(nint tensor, out nint handle);
}
