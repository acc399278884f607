using Slowrun.Fleet.Chaos;

namespace Slowrun.Fleet.Tests.Chaos;

public sealed class LostActivationsTests
{
    [Fact]
    public async Task Read_OfTheLogsOfSilosThatEnded_CountsEachOnce()
    {
        using var folder = new TemporaryFolder();
        var (one, other) = (Path.Combine(folder.Path, "one.log"), Path.Combine(folder.Path, "other.log"));
        const string Line =
            "2026-11-28T22:25:02.227Z info: Slowrun.Grains.Stages.StageGrain[1] The activation of tiny/chain1/stage0 ends while it trains, and it trains on: Its directory entry was lost.";
        string[] lines = ["info: tiny/chain1/stage0 ended: Requested at step 308 of 1280.", Line, Line];
        await File.WriteAllLinesAsync(one, lines, TestContext.Current.CancellationToken);
        await File.WriteAllLinesAsync(other, lines[..1], TestContext.Current.CancellationToken);
        var lost = new LostActivations();

        lost.Read(one);
        lost.Read(other);
        lost.Read(one);

        Assert.Equal(2, lost.Count);
    }
}
