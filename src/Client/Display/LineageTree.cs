using Slowrun.Core;
using Slowrun.Core.Recipes;
using Slowrun.Reading.Runs;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Slowrun.Client.Display;

/// <summary>A run's lineage for people: a branch a chain, a line a stage.</summary>
internal static class LineageTree
{
    private const int MostMembers = 8;

    /// <param name="title">The run, as people call it.</param>
    public static IRenderable Of(Lineage lineage, string title)
    {
        ArgumentNullException.ThrowIfNull(lineage);
        var data = lineage.DataSha256 is { } sha256 ? $", data {Human.Hash(sha256)}" : "";
        var tree = new Tree(new Text($"{title} (recipe {Human.Hash(lineage.RecipeSha256)}{data})"));
        foreach (var chain in lineage.Stages.GroupBy(stage => stage.Id.ChainName))
        {
            var branch = tree.AddNode(new Text(chain.First().Role == ChainRole.Members ? chain.Key : $"{chain.Key} (baseline)"));
            foreach (var stage in chain)
            {
                branch.AddNode(new Text(Line(stage)));
            }
        }

        if (lineage.Ensemble is { } ensemble)
        {
            tree.AddNode(new Text(Line(ensemble)));
        }

        return tree;
    }

    private static string Line(LineageStage stage)
    {
        var name = stage.Id.NameInChain;
        var origin =
            stage.Continues is { } before ? $"goes on from {Parent(stage, before, "final state ")}"
            : stage.ImportedSha256 is not null ? "imported weights"
            : FormattableString.Invariant($"fresh weights, seed {stage.Seed}");
        var teacher =
            stage.Teacher is { } parent ? $", taught by {Parent(stage, parent, "")}"
            : stage.EarlierTeachers is { } earlier ? $", taught by the mean of {All(stage, earlier)}"
            : stage.TeacherEnsemble is { } all
                ? FormattableString.Invariant(
                    $", taught by the ensemble of {all.Members.Count} of run '{all.Run}' ({Human.Hash(all.Sha256)})"
                )
            : "";
        var became = stage.SnapshotSha256 is { } hash
            ? $" → {Human.Hash(hash)}{(stage.ValLossNats is { } loss ? $"  {Human.Loss(loss)} nats/token" : "")}"
            : $" → {stage.State}";
        var doubts =
            (stage.TeacherIsOther ? "; its teacher has another snapshot now" : "")
            + (stage.Adoptions > 0 ? "; with another device's arithmetic from some step on" : "");
        return $"{name}: {origin}{teacher}{became}{doubts}";
    }

    private static string Parent(LineageStage stage, LineageParent parent, string what)
    {
        // Within its chain the stage's own name says enough.
        var name = parent.Stage.Chain == stage.Id.Chain ? parent.Stage.NameInChain : parent.Stage.ToString();
        return parent.Sha256 is { } hash ? $"{name} ({what}{Human.Hash(hash)})" : name;
    }

    private static string All(LineageStage stage, IReadOnlyList<LineageParent> teachers)
    {
        var more = teachers.Count > MostMembers ? FormattableString.Invariant($" and {teachers.Count - MostMembers} more") : "";
        return string.Join(", ", teachers.Take(MostMembers).Select(teacher => Parent(stage, teacher, ""))) + more;
    }

    private static string Line(LineageEnsemble ensemble)
    {
        var counted = ensemble.Members.Where(member => member.Weight > 0).ToList();
        var even = counted.Select(member => member.Weight).Distinct().Count() == 1;
        var members = counted
            .Take(MostMembers)
            .Select(member => even ? member.Stage.ToString() : FormattableString.Invariant($"{member.Stage} ({member.Weight:0.000})"));
        var more = counted.Count > MostMembers ? FormattableString.Invariant($" and {counted.Count - MostMembers} more") : "";
        var left =
            ensemble.Members.Count > counted.Count
                ? FormattableString.Invariant($"; {ensemble.Members.Count - counted.Count} left out")
                : "";
        return FormattableString.Invariant(
            $"ensemble of {counted.Count}: {Human.Loss(ensemble.LossNats)} nats/token, of {string.Join(", ", members)}{more}{left}"
        );
    }
}
