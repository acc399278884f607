namespace Slowrun.Core.Models;

/// <summary>
/// Where each parameter lies in a flat buffer: group after group in the optimizer's order, within a group one behind the other without a
/// gap, so that a group is one range, and the equally shaped matrices of a Muon group are one [N, R, K] tensor.
/// </summary>
public sealed class ParameterLayout
{
    // 64 bytes: a cache line and the widest vector. Each group starts on one, as an allocation of libtorch would.
    private const long GroupAlignment = 16;

    private readonly Dictionary<string, ParameterPlace> byName;

    /// <param name="parameters">All parameters, in registration order.</param>
    /// <param name="groups">Names of each group's parameters; every parameter in exactly one group.</param>
    /// <exception cref="ArgumentException">A parameter is in no group, in two, or unknown.</exception>
    public ParameterLayout(IReadOnlyList<ParameterSpec> parameters, IReadOnlyList<IReadOnlyList<string>> groups)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(groups);
        var specs = parameters.ToDictionary(parameter => parameter.Name);
        byName = [];
        var ranges = new List<FlatRange>(groups.Count);
        long end = 0;
        foreach (var names in groups)
        {
            var start = (end + GroupAlignment - 1) / GroupAlignment * GroupAlignment;
            end = start;
            foreach (var name in names)
            {
                if (!specs.TryGetValue(name, out var spec) || !byName.TryAdd(name, new ParameterPlace(spec, end)))
                {
                    throw new ArgumentException($"Parameter '{name}' is unknown or in two groups.", nameof(groups));
                }

                end += spec.Count;
            }

            ranges.Add(new FlatRange(start, end - start));
        }

        if (parameters.FirstOrDefault(parameter => !byName.ContainsKey(parameter.Name)) is { } homeless)
        {
            throw new ArgumentException($"Parameter '{homeless.Name}' is in no group: nothing would train it.", nameof(groups));
        }

        Length = end;
        Groups = ranges;
        Parameters = [.. parameters.Select(parameter => byName[parameter.Name])];
    }

    /// <summary>Every parameter, in registration order.</summary>
    public IReadOnlyList<ParameterPlace> Parameters { get; }

    /// <summary>The range of each group, in the order given.</summary>
    public IReadOnlyList<FlatRange> Groups { get; }

    /// <summary>Numbers in a flat buffer, the gaps between groups included.</summary>
    public long Length { get; }

    public ParameterPlace this[string name] => byName[name];
}

/// <param name="Offset">Of its first number.</param>
public sealed record ParameterPlace(ParameterSpec Spec, long Offset)
{
    public string Name => Spec.Name;
}

public readonly record struct FlatRange(long Start, long Length)
{
    public long End => Start + Length;
}
