using Slowrun.Core;
using Slowrun.Core.Efficiency;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Slowrun.Client.Display;

/// <summary>A run's data efficiency for people.</summary>
internal static class EfficiencyText
{
    /// <param name="title">The run, as people call it.</param>
    public static IRenderable Of(EfficiencyReport report, string title)
    {
        var models = EfficiencyWords.Main(report);
        var parts = new List<IRenderable>
        {
            new Text(
                Invariant($"{title}, {report.TrainTokens:#,0} training tokens ({report.Tokenizer}): how many times the data an ")
                    + Invariant($"ordinary training needs for the same loss.")
            ),
            new Text(""),
            Models(report, models),
        };
        if (models.Count < report.Models.Count)
        {
            parts.Add(
                new Text(
                    Invariant(
                        $"{report.Models.Count:#,0} models in all, among them each member and the ensemble of each number of members: -o json."
                    )
                )
            );
        }

        if (report.Baseline == BaselineSource.Trained)
        {
            parts.AddRange([new Text(""), Points(report)]);
        }

        if (report.Curves.Any(curve => curve.Points.Count > 1))
        {
            parts.AddRange([new Text(""), new Text(string.Join('\n', EfficiencyChart.Lines(report)))]);
        }

        parts.Add(new Text(""));
        parts.AddRange(Notes(report).Select(note => new Text(note)));
        return new Rows(parts);
    }

    private static Table Models(EfficiencyReport report, IReadOnlyList<ModelEfficiency> models)
    {
        var table = new Table().Border(TableBorder.None).AddColumns("MODEL");
        table.AddColumn(new TableColumn("NATS/TOKEN").RightAligned());
        foreach (var curve in report.Curves)
        {
            table.AddColumn(new TableColumn($"VS {EfficiencyWords.Name(curve.Kind).ToUpperInvariant()}").RightAligned());
            table.AddColumn(new TableColumn("95 %"));
        }

        foreach (var model in models)
        {
            table.AddRow(
                [
                    model.Name,
                    Human.Loss(model.LossNats),
                    .. report.Curves.SelectMany(curve =>
                        model.Factors.FirstOrDefault(factor => factor.Kind == curve.Kind) is { } found
                            ? new[] { $"{found.Factor}", EfficiencyWords.Interval(found.Interval) ?? "" }
                            : ["", ""]
                    ),
                ]
            );
        }

        return table;
    }

    /// <summary>What each point of the curves is.</summary>
    private static Table Points(EfficiencyReport report)
    {
        var table = new Table().Border(TableBorder.None);
        foreach (var column in (string[])["DATA", "TOKENS"])
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }

        foreach (var curve in report.Curves)
        {
            table.AddColumn(new TableColumn(EfficiencyWords.Name(curve.Kind).ToUpperInvariant()).RightAligned());
            table.AddColumn(new TableColumn("CHOSEN"));
        }

        foreach (var tokens in report.Curves.SelectMany(curve => curve.Points.Select(point => point.Tokens)).Distinct().Order())
        {
            table.AddRow(
                [
                    EfficiencyWords.Times((double)tokens / report.TrainTokens),
                    Human.Count(tokens),
                    .. report.Curves.SelectMany(curve =>
                        curve.Points.FirstOrDefault(point => point.Tokens == tokens) is { } point
                            ? new[] { Human.Loss(point.LossNats), Chosen(point) }
                            : ["", ""]
                    ),
                ]
            );
        }

        return table;
    }

    private static string Chosen(CurvePoint point) =>
        point.Chosen is { } chosen
            ? Invariant($"{chosen.Size}, {(chosen.Passes == 1 ? "1 pass" : $"{chosen.Passes} passes")}, best of {point.Candidates.Count}")
            : "";

    private static IEnumerable<string> Notes(EfficiencyReport report)
    {
        if (report.Baseline == BaselineSource.Upstream)
        {
            yield return "The baseline is the table of NanoGPT Slowrun (github.com/qlabs-eng/slowrun): one pass over 200 "
                + "million to 2 billion tokens of FineWeb.";
            yield return "It holds if the run's text, and its validation text, are upstream's. Its probabilities are not "
                + "published: there is no interval.";
            yield break;
        }

        yield return "Choices among baselines are made on the fitness set, losses are of validation. Intervals: paired "
            + "bootstrap over validation blocks;";
        yield return "the luck of training (one seed each) is not in them.";
        foreach (var curve in report.Curves)
        {
            if (End(report, curve) is { } end)
            {
                yield return $"The curve of {EfficiencyWords.Name(curve.Kind)} {end}";
            }
        }

        if (report.KnownBaselines > 0)
        {
            yield return $"{Human.Plural(report.KnownBaselines, "baseline")} of the same data and size "
                + $"{(report.KnownBaselines == 1 ? "was" : "were")} there already.";
        }

        foreach (var missing in report.Missing)
        {
            yield return Invariant($"Missing: '{missing.Run}', {missing.Tokens:#,0} tokens, {missing.Size}, ")
                + Invariant($"{(missing.Passes == 1 ? "1 pass" : $"{missing.Passes} passes")} ({Advice(missing)}).");
        }
    }

    private static string? End(EfficiencyReport report, EfficiencyCurve curve) =>
        curve.End switch
        {
            CurveEnd.Corpus => Invariant($"ends at ")
                + Invariant(
                    $"{EfficiencyWords.Times((double)(curve.Points.Count == 0 ? 0 : curve.Points[^1].Tokens) / report.TrainTokens)}"
                )
                + Invariant($": the text has {report.CorpusTokens:#,0} training tokens (the corpus ends at ")
                + Invariant($"{EfficiencyWords.Times((double)report.CorpusTokens!.Value / report.TrainTokens)})."),
            CurveEnd.Missing => "is not finished: baselines are missing.",
            _ => null,
        };

    private static string Advice(MissingBaseline missing) =>
        missing.State switch
        {
            "NotSubmitted" => "not trained: the command without --no-train does that",
            "Failed" => $"failed: 'slowrun retry {missing.Run}' lets it try again",
            "Cancelled" => $"cancelled: 'slowrun resume {missing.Run}' takes it up again",
            var state => $"{state}: the command without --no-train waits for it",
        };

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
