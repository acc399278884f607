using Slowrun.Core.Notices;
using Slowrun.Core.Recipes;

namespace Slowrun.Core.Specs;

/// <summary>Rules for the receivers of notices. No message shows a URL or a header's value: they may be secrets.</summary>
internal static class NotifyRules
{
    private const int MostTargets = 16;

    public static void Check(RuleList rules, Operations operations)
    {
        if (operations.Notify is not { } targets)
        {
            return;
        }

        const string place = "operations.notify";
        rules.Check(place, targets.Count <= MostTargets, $"found {targets.Count} receivers, expected at most {MostTargets}.");
        rules.Check(
            place,
            targets.DistinctBy(target => target.Url, StringComparer.Ordinal).Count() == targets.Count,
            "two receivers have the same url; expected one entry for each, which may be told about several things."
        );
        for (var i = 0; i < targets.Count; i++)
        {
            One(rules, targets[i], $"{place}[{i}]");
        }
    }

    private static void One(RuleList rules, NotifyTarget target, string place)
    {
        var problem = WebhookUrl.ProblemOf(target.Url);
        rules.Check($"{place}.url", problem is null, problem ?? "");
        rules.Check(
            $"{place}.format",
            target.Format is null || NoticeFormat.All.Contains(target.Format),
            $"found '{SpecProblem.Shortened(target.Format ?? "")}', expected one of {string.Join(", ", NoticeFormat.All)}.{Nearest.Hint(target.Format ?? "", NoticeFormat.All)}"
        );
        foreach (var about in target.About ?? [])
        {
            rules.Check(
                $"{place}.about",
                NoticeKind.All.Contains(about),
                $"found '{SpecProblem.Shortened(about)}', expected some of {string.Join(", ", NoticeKind.All)}.{Nearest.Hint(about, NoticeKind.All)}"
            );
        }

        rules.Check(
            $"{place}.about",
            target.About is not { Count: 0 },
            "found an empty list: it would be told nothing. Leave the receiver out, or name what it is told."
        );
        foreach (var (name, value) in target.Headers ?? new Dictionary<string, string>())
        {
            var wrong = WebhookUrl.ProblemOfHeader(name, value);
            rules.Check($"{place}.headers", wrong is null, $"'{SpecProblem.Shortened(name)}': {wrong}");
        }

        rules.Check(
            $"{place}.stalledAfter",
            target.StalledAfter >= TimeSpan.FromSeconds(1),
            $"found {Duration.Text(target.StalledAfter)}, expected at least 1s."
        );
    }
}
