using Slowrun.Core.Models;

namespace Slowrun.Core.Tests.Models;

public sealed class SnapshotModelsTests
{
    [Theory]
    [InlineData(false, 1, 1, 1)]
    [InlineData(true, 3, 2, 1)]
    public void ShareOf_OfThreeModels_IsAlikeOrByRecency(bool byRecency, params int[] counts)
    {
        string[] prefixes = ["", SnapshotModels.Prefix(0, byRecency), SnapshotModels.Prefix(1, byRecency)];

        Assert.Equal(byRecency, SnapshotModels.AreByRecency(prefixes));
        Assert.Equal(
            counts.Select(count => new ModelShare(count, counts.Sum())),
            prefixes.Select(prefix => SnapshotModels.ShareOf(prefix, 3, byRecency))
        );
    }

    /// <summary>Names in ordinal order, as files list them, are not in the order of time from the twelfth model on.</summary>
    [Fact]
    public void ShareOf_OfTwelveModels_GoesByTheirNumberAndNotByTheirPlace()
    {
        var prefixes = Enumerable
            .Range(0, 11)
            .Select(i => SnapshotModels.Prefix(i, byRecency: true))
            .Prepend("")
            .Order(StringComparer.Ordinal);

        var parts = prefixes.ToDictionary(prefix => prefix, prefix => SnapshotModels.ShareOf(prefix, 12, byRecency: true).Parts);

        Assert.Equal((12, 11, 2, 1), (parts[""], parts["recent0/"], parts["recent9/"], parts["recent10/"]));
        Assert.Equal(78, parts.Values.Sum());
    }
}
