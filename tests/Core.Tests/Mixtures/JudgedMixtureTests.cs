using Slowrun.Core.Mixtures;

namespace Slowrun.Core.Tests.Mixtures;

public sealed class JudgedMixtureTests
{
    // Lengths around a vector of four, a logarithm of sixteen factors, and the block of 1,024.
    [Theory]
    [InlineData(1)]
    [InlineData(67)]
    [InlineData(1024)]
    [InlineData(2053)]
    public void Of_MembersWithWeights_IsToTheBitTheMixtureAddedOneByOne(int targets)
    {
        var (members, bytes) = Random(5, targets);
        double[] weights = [0.3, 1, 0, 0.7, 0.011];

        var judged = Judged(members, weights, bytes);

        var mixture = Mixture.Of(members, weights);
        Assert.Equal(mixture.LossNats(), judged.LossNats);
        Assert.Equal(mixture.BitsPerByte(bytes), judged.BitsPerByte);
        for (var m = 0; m < members.Length; m++)
        {
            var others = Enumerable.Range(0, members.Length).Where(other => other != m).ToList();
            Assert.Equal(
                Mixture.LossNats(others.Select(other => members[other]), [.. others.Select(other => weights[other])]),
                judged.WithoutNats[m]!.Value,
                1e-6
            );
        }
    }

    [Fact]
    public void Of_OnSeveralThreads_GivesTheSameBits()
    {
        // More blocks than are computed at once.
        var (members, bytes) = Random(3, 70_000);
        double[] weights = [0.5, 0.2, 0.3];

        var one = Judged(members, weights, bytes);
        var four = JudgedMixture.Of(members, weights, bytes, 4, stop: TestContext.Current.CancellationToken);

        Assert.Equal((one.LossNats, one.BitsPerByte), (four.LossNats, four.BitsPerByte));
        Assert.Equal(one.WithoutNats, four.WithoutNats);
        Assert.Equal(Mixture.LossNats(members, weights), four.LossNats);
    }

    [Fact]
    public void Of_OneMemberOrOneWithWeight_HasNothingWithoutIt()
    {
        var (members, bytes) = Random(2, 10);

        Assert.Equal([null], Judged(members[..1], [1], bytes).WithoutNats);
        Assert.Null(Judged(members, [1, 0], bytes).WithoutNats[0]);
        Assert.NotNull(Judged(members, [1, 0], bytes).WithoutNats[1]);
    }

    [Fact]
    public void Of_TargetsThatOneMemberAloneExpected_AreBoundedWithoutIt()
    {
        var judged = Judged([Enumerable.Repeat(1f, 100).ToArray(), new float[100]], [1, 1], Enumerable.Repeat(1, 100).ToArray());

        Assert.Equal(Math.Log(2), judged.LossNats, 1e-12);
        Assert.Equal(-Math.Log(1e-12), judged.WithoutNats[0]!.Value, 1e-9);
        Assert.Equal(0, judged.WithoutNats[1]!.Value, 1e-9);
    }

    [Fact]
    public void Of_WhenCancelled_Throws() =>
        Assert.Throws<OperationCanceledException>(() =>
            JudgedMixture.Of([new float[] { 1 }], [1], [1], stop: new CancellationToken(canceled: true))
        );

    [Theory]
    [InlineData(1.0)]
    [InlineData(1.0, -0.1)]
    [InlineData(0.0, 0.0)]
    [InlineData(1.0, double.NaN)]
    public void Of_WeightsThatMakeNoMixture_Throws(params double[] weights) =>
        Assert.Throws<ArgumentException>(() => Judged([new float[] { 1 }, new float[] { 1 }], weights, [1]));

    [Fact]
    public void Of_AMemberOfAnotherSet_Throws() =>
        Assert.Throws<ArgumentException>(() => Judged([new float[] { 1, 1 }, Array.Empty<float>()], [1, 1], [1, 1]));

    private static JudgedMixture Judged(IReadOnlyList<ReadOnlyMemory<float>> members, IReadOnlyList<double> weights, int[] bytes) =>
        JudgedMixture.Of(members, weights, bytes, stop: TestContext.Current.CancellationToken);

    private static (ReadOnlyMemory<float>[] Members, int[] Bytes) Random(int count, int targets)
    {
        var random = new Random(targets);
        return (
            [
                .. Enumerable
                    .Range(0, count)
                    .Select(_ =>
                        (ReadOnlyMemory<float>)Enumerable.Range(0, targets).Select(_ => MathF.Pow(random.NextSingle(), 6)).ToArray()
                    ),
            ],
            [.. Enumerable.Range(0, targets).Select(_ => random.Next(4))]
        );
    }
}
