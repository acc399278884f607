namespace Slowrun.Core.Tensors;

/// <summary>A named tensor as bytes (little endian, row-major): what crosses between engine and store.</summary>
/// <param name="Name">Upstream's parameter name, or <c>section/name</c> in a checkpoint.</param>
/// <param name="Shape">Empty: a scalar.</param>
/// <param name="Bytes">Product of the shape times the element size; under 2 GiB.</param>
public sealed record TensorData(string Name, ElementType Type, IReadOnlyList<long> Shape, ReadOnlyMemory<byte> Bytes)
{
    public TensorLayout Layout => new(Name, Type, Shape);

    public bool Equals(TensorData? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <summary>Name, type and shape of a tensor without its bytes.</summary>
public sealed record TensorLayout(string Name, ElementType Type, IReadOnlyList<long> Shape)
{
    public long LengthBytes => Shape.Aggregate((long)Type.SizeBytes(), (size, n) => checked(size * n));

    public bool Equals(TensorLayout? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <summary>Element types of safetensors files that Slowrun writes or reads.</summary>
public enum ElementType
{
    F32,
    F64,
    BF16,
    F16,
    I64,
    I32,
    U8,
}

public static class ElementTypes
{
    public static int SizeBytes(this ElementType type) =>
        type switch
        {
            ElementType.F64 or ElementType.I64 => 8,
            ElementType.F32 or ElementType.I32 => 4,
            ElementType.BF16 or ElementType.F16 => 2,
            ElementType.U8 => 1,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Not an element type of a safetensors file."),
        };
}
