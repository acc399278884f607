using Slowrun.Core.Efficiency;

namespace Slowrun.Core.Tests.Efficiency;

public sealed class EfficiencyWordsTests
{
    [Fact]
    public void Main_OfManyMembers_HasTheBestAndTheWorst_AndEnsemblesThatDouble() =>
        Assert.Equal(
            [
                "best member, m7",
                "worst member, m0",
                "ensemble of 2",
                "ensemble of 4",
                "ensemble of 8",
                "ensemble of 16",
                "ensemble of 20",
                "distilled: student",
            ],
            EfficiencyWords.Main(Report(members: 20)).Select(model => model.Name)
        );

    [Fact]
    public void Main_OfFewMembers_HasAll()
    {
        var report = Report(members: 16);

        Assert.Equal(32, report.Models.Count);
        Assert.Equal(report.Models, EfficiencyWords.Main(report));
    }

    // Loss is least for member 7, and most for member 0.
    private static EfficiencyReport Report(int members) =>
        new()
        {
            Run = "run",
            DataSha256 = "",
            RecipeSha256 = "",
            TrainTokens = 1000,
            Tokenizer = "bytes",
            Baseline = BaselineSource.Trained,
            Curves = [],
            Models =
            [
                .. Enumerable.Range(0, members).Select(i => Model($"m{i}", i < 7 ? 9 - i : 2 + (i / 100.0), 1)),
                .. Enumerable.Range(2, members - 1).Select(n => Model($"ensemble of {n}", 0.5, n)),
                Model("distilled: student", 0.6, null),
            ],
        };

    private static ModelEfficiency Model(string name, double loss, int? members) => new(name, loss, []) { Members = members };
}
