using System.Collections;
using Razorvine.Pickle;
using Slowrun.Core.Tensors;

namespace Slowrun.Client.Imports;

/// <summary>
/// The object tree of a file of <c>torch.save</c>, without its numbers. Classes of Python are names here: those of tensors and dictionaries
/// become ours, any other becomes a list of its fields, and no code of the file is run.
/// </summary>
internal sealed class TorchPickle : Unpickler
{
    private static readonly (string Name, ElementType Type)[] Storages =
    [
        ("FloatStorage", ElementType.F32),
        ("DoubleStorage", ElementType.F64),
        ("HalfStorage", ElementType.F16),
        ("BFloat16Storage", ElementType.BF16),
        ("LongStorage", ElementType.I64),
        ("IntStorage", ElementType.I32),
        ("ByteStorage", ElementType.U8),
    ];

    static TorchPickle()
    {
        registerConstructor("collections", "OrderedDict", new Constructor(_ => new OrderedDictionary()));
        registerConstructor("torch._utils", "_rebuild_tensor_v2", new Constructor(TensorOf));
        registerConstructor("torch._utils", "_rebuild_parameter", new Constructor(arguments => arguments[0]));
        foreach (var (name, type) in Storages)
        {
            registerConstructor("torch", name, new StorageType(type));
        }
    }

    /// <exception cref="PickleException">Not a pickle, or with objects that need code.</exception>
    public static object? Read(byte[] pickle)
    {
        using var reader = new TorchPickle();
        return reader.loads(pickle);
    }

    /// <summary>A storage is named by <c>('storage', type, key, location, numbers)</c>.</summary>
    protected override object persistentLoad(object pid) =>
        pid is object[] { Length: >= 5 } fields && fields[1] is StorageType type
            ? new Storage(type.Type, $"{fields[2]}", Convert.ToInt64(fields[4], System.Globalization.CultureInfo.InvariantCulture))
            : throw new PickleException(
                "a tensor's storage is of a type that is none of " + string.Join(", ", Storages.Select(s => s.Name))
            );

    /// <summary>Arguments: storage, offset, size, stride, whether a gradient is wanted, hooks.</summary>
    private static TorchTensor TensorOf(object[] arguments) =>
        arguments is [Storage storage, _, object[] size, object[] stride, ..]
            ? new TorchTensor(storage.Type, storage.Key, storage.Count, Number(arguments[1]), Numbers(size), Numbers(stride))
            : throw new PickleException("a tensor is described in a way that is not torch's");

    private static long[] Numbers(object[] numbers) => [.. numbers.Select(Number)];

    private static long Number(object number) => Convert.ToInt64(number, System.Globalization.CultureInfo.InvariantCulture);

    private sealed record Storage(ElementType Type, string Key, long Count);

    private sealed class Constructor(Func<object[], object> make) : IObjectConstructor
    {
        public object construct(object[] args) => make(args);
    }

    private sealed class StorageType(ElementType type) : IObjectConstructor
    {
        public ElementType Type => type;

        public object construct(object[] args) => throw new PickleException("a storage stands where a tensor is expected");
    }

    /// <summary>The reader fills its entries; attributes, such as a state_dict's <c>_metadata</c>, are left out.</summary>
    private sealed class OrderedDictionary : Hashtable
    {
#pragma warning disable CA1707, CA1822, IDE1006 // The reader calls it by this name.
        public void __setstate__(Hashtable attributes) => ArgumentNullException.ThrowIfNull(attributes);
#pragma warning restore CA1707, CA1822, IDE1006
    }
}

/// <summary>A tensor of a file of <c>torch.save</c>: where its numbers are.</summary>
/// <param name="Storage">Name of the entry that holds them, among others' perhaps.</param>
/// <param name="StorageCount">Numbers in the storage.</param>
/// <param name="Offset">In numbers.</param>
/// <param name="Stride">Numbers from one index to the next, of each dimension.</param>
internal sealed record TorchTensor(
    ElementType Type,
    string Storage,
    long StorageCount,
    long Offset,
    IReadOnlyList<long> Shape,
    IReadOnlyList<long> Stride
);
