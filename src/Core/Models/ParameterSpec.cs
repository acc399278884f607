namespace Slowrun.Core.Models;

/// <summary>A parameter without its values.</summary>
/// <param name="Name">Upstream's name, for example <c>transformer.h.0.attn.c_q.weight</c>.</param>
public sealed record ParameterSpec(string Name, IReadOnlyList<long> Shape, ParameterRole Role)
{
    public long Count => Shape.Aggregate(1L, (count, n) => checked(count * n));
}
