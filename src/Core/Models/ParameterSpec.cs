namespace Slowrun.Core.Models;

/// <summary>A parameter without its values.</summary>
/// <param name="Name">Upstream's name, for example <c>transformer.h.0.attn.c_q.weight</c>.</param>
public sealed record ParameterSpec(string Name, IReadOnlyList<long> Shape, ParameterRole Role)
{
    /// <summary>Its numbers and its moments are bfloat16's, in float32 memory.</summary>
    public bool Rounded { get; init; }

    /// <summary>The one layer that reads it, where a depth schedule may leave that out; else null.</summary>
    public int? Layer { get; init; }

    public long Count => Shape.Aggregate(1L, (count, n) => checked(count * n));

    public bool Equals(ParameterSpec? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
