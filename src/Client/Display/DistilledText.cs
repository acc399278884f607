using Slowrun.Core;
using Slowrun.Core.Explain;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Status;

namespace Slowrun.Client.Display;

/// <summary>A run that learns from another run's ensemble: what it will train, and its result.</summary>
internal static class DistilledText
{
    public static string Plan(RunSpec student, RunFacts teacher)
    {
        var recipe = student.Recipe;
        var members = recipe.Teacher!.Members.Count;
        return Invariant(
            $"The {Plural(members, "member")} of '{teacher.Spec.Name}' ({teacher.EnsembleOf(teacher.ScoredMembers)!.LossNats:0.0000} nats/token together, {Parameters(recipe.Teacher.Model)} parameters each) teach '{student.Name}', one model of {Parameters(recipe.Model)} parameters."
        );
    }

    public static IEnumerable<string> Result(RunStatus status, RunFacts student, RunFacts teacher)
    {
        var taught = status.Stages[0];
        yield return Invariant(
            $"{status.Name}/{taught.Id}: {Human.Loss(taught.ValLossNats)} nats/token, {Human.Loss(taught.ValBitsPerByte)} bits/byte"
        );
        if (taught.ValLossNats is not { } loss)
        {
            yield break;
        }

        foreach (var untaught in status.Stages.Where(stage => stage.Role == ChainRole.Baseline && stage.ValLossNats is not null))
        {
            yield return Invariant(
                $"  {Against(loss, untaught.ValLossNats!.Value)} than the same model without a teacher ({untaught.Id}: {Human.Loss(untaught.ValLossNats)})"
            );
        }

        // Losses on different texts cannot be compared.
        if (student.Spec.Recipe.Data.Sha256 == teacher.Spec.Recipe.Data.Sha256)
        {
            var ensemble = teacher.EnsembleOf(teacher.ScoredMembers)!;
            var best = teacher.ScoredMembers.Select(id => (Id: id, teacher.ScoreOf(id)!.LossNats)).MinBy(member => member.LossNats);
            yield return Invariant(
                $"  {Against(loss, best.LossNats)} than the best of the models that taught it ({teacher.Spec.Name}/{best.Id}: {best.LossNats:0.0000})"
            );
            yield return Invariant(
                $"  {Against(loss, ensemble.LossNats)} than all {teacher.ScoredMembers.Count} together ({ensemble.LossNats:0.0000})"
            );
        }
    }

    private static string Parameters(ModelRecipe model) => Human.Count(ParameterCounts.Of(model).Total);

    private static string Plural(int count, string word) => count == 1 ? $"one {word}" : $"{count} {word}s";

    private static string Against(double loss, double other) =>
        Invariant($"{Math.Abs(loss - other):0.0000} nats {(loss <= other ? "better" : "worse")}");

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
