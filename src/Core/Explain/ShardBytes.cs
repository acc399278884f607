using Slowrun.Core.Models;

namespace Slowrun.Core.Explain;

/// <summary>Bytes of moments and of the sum of the gradient on the device that has the most of them, where several divide the
/// optimizer.</summary>
/// <param name="OfEight">Of eight devices, and of more at most.</param>
public sealed record ShardBytes(long OfTwo, long OfFour, long OfEight)
{
    public static ShardBytes Of(IReadOnlyList<ParameterGroup> groups, ParameterLayout layout)
    {
        var units = UpdateUnits.Of(groups, layout);
        return new(Largest(2), Largest(4), Largest(8));

        long Largest(int devices) =>
            sizeof(float) * OptimizerShard.Of(groups, units, devices).Max(shard => shard.MomentNumbers + shard.Cover.Length);
    }
}
