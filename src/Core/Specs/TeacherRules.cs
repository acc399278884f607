using Slowrun.Core.Recipes;

namespace Slowrun.Core.Specs;

/// <summary>Rules between an ensemble that teaches and the run that learns from it.</summary>
internal static class TeacherRules
{
    private const string Place = "recipe.teacher";

    // More than any ensemble; each is named in the spec.
    private const int MostMembers = 10_000;

    // Shares such as 1/3 are rounded; a forgotten member is a larger error with any number of members allowed.
    private const double Rounding = 1e-6;

    public static void Check(RuleList rules, Recipe recipe)
    {
        if (recipe.Teacher is not { } teacher)
        {
            return;
        }

        var (model, student) = (teacher.Model, recipe.Model);
        rules.Check(
            $"{Place}.run",
            RunNames.IsValid(teacher.Run),
            $"'{SpecProblem.Shortened(teacher.Run)}' cannot be a run; {RunNames.Expected}."
        );
        rules.Check(
            Place,
            recipe.Chains.Select((chain, c) => (chain, c)).Any(one => IsTaught(recipe, one.chain, one.c)),
            "it teaches no stage: no chain's first stage has distillation settings. Give stage.distillation, or leave the teacher out."
        );
        rules.Check(
            "recipe.model.vocabSize",
            student.VocabSize == model.VocabSize,
            $"found {student.VocabSize}, expected {model.VocabSize} as in recipe.teacher.model: a student learns the teacher's distribution over the same tokens."
        );
        rules.Check(
            "recipe.model.sequenceLength",
            student.SequenceLength <= model.SequenceLength,
            $"found {student.SequenceLength}, expected at most {model.SequenceLength} as in recipe.teacher.model: the teacher has never seen longer rows."
        );
        foreach (var problem in ModelCheck.Problems(model))
        {
            rules.Check($"{Place}.model", kept: false, problem);
        }

        Members(rules, teacher);
    }

    private static void Members(RuleList rules, TeacherRecipe teacher)
    {
        if (
            !rules.Check(
                $"{Place}.members",
                teacher.Members.Count is >= 1 and <= MostMembers,
                $"found {teacher.Members.Count}, expected 1 to {MostMembers}."
            )
        )
        {
            return;
        }

        var sum = teacher.Members.Sum(member => member.Weight);
        rules.Check($"{Place}.members", Math.Abs(sum - 1) <= Rounding, $"found weights that sum to {sum}, expected 1.");
        foreach (var (i, member) in teacher.Members.Index())
        {
            var place = $"{Place}.members[{i}]";
            rules.Check(
                $"{place}.sha256",
                CanonicalJson.IsSha256(member.Sha256),
                $"found '{SpecProblem.Shortened(member.Sha256)}', expected the 64 lower-case hex digits of a snapshot."
            );
            rules.Check(
                $"{place}.models",
                member.Models == 1 || teacher.Average == EnsembleAverage.Probabilities,
                $"found {member.Models} with average Logits, expected 1: a member of several models has probabilities and no logits."
            );
            var layers = teacher.Model.Layers;
            rules.Check(
                $"{place}.loop",
                member.Loop is not { } loop || (layers / 2 <= loop.Start && loop.Start < loop.End && loop.End <= layers),
                $"found layers [{member.Loop?.Start}, {member.Loop?.End}), expected a range within the decoder, [{layers / 2}, {layers})."
            );
        }
    }

    private static bool IsTaught(Recipe recipe, ChainRecipe chain, int c)
    {
        try
        {
            var stage = CanonicalJson.Patched(recipe.Stage, chain.Stage, $"recipe.chains[{c}].stage");
            return CanonicalJson.Patched(stage, chain.FirstStage, $"recipe.chains[{c}].firstStage").Distillation is not null;
        }
        catch (InvalidDataException)
        {
            // A patch that makes no whole stage: the reader has said of which field.
            return true;
        }
    }
}
