using Slowrun.Core.Recipes;

namespace Slowrun.Training.Stages;

/// <summary>Whether a stage has every input that its plan needs.</summary>
internal static class StageInputsCheck
{
    /// <exception cref="ArgumentException">An input is missing, or does not suit the plan; which one.</exception>
    public static void Require(StageInputs inputs)
    {
        if (inputs.Plan.Teacher is { } teacher && (inputs.Teacher is null || inputs.Plan.Stage.Distillation is null))
        {
            throw new ArgumentException(
                $"Stage '{inputs.Plan.Id}' is taught by '{teacher}', but its weights or its distillation settings are missing.",
                nameof(inputs)
            );
        }

        if (
            inputs.Plan.TeacherEnsemble is { } ensemble
            && (inputs.TeacherMembers?.Count != ensemble.Members.Count || inputs.Plan.Stage.Distillation is null)
        )
        {
            throw new ArgumentException(
                $"Stage '{inputs.Plan.Id}' is taught by the {ensemble.Members.Count} members of run '{ensemble.Run}', but {inputs.TeacherMembers?.Count ?? 0} are given, or its distillation settings are missing.",
                nameof(inputs)
            );
        }

        if (
            inputs.Plan.TeacherEnsemble is { Model: var teaching }
            && (teaching.VocabSize != inputs.Plan.Model.VocabSize || teaching.SequenceLength < inputs.Plan.Model.SequenceLength)
        )
        {
            throw new ArgumentException(
                $"Stage '{inputs.Plan.Id}' has {inputs.Plan.Model.VocabSize} ids in rows of {inputs.Plan.Model.SequenceLength}, the models that teach it {teaching.VocabSize} in rows of up to {teaching.SequenceLength}.",
                nameof(inputs)
            );
        }

        if (inputs.Plan.Predecessor is { } before && (inputs.Predecessor is null || inputs.Plan.Stage.Continuation is null))
        {
            throw new ArgumentException(
                $"Stage '{inputs.Plan.Id}' continues '{before}', but its final state or the settings for it are missing.",
                nameof(inputs)
            );
        }

        if (inputs.Plan.Stage.Selection.Rule == SelectionRule.BestFitness && inputs.Fitness is not { Length: > 1 })
        {
            throw new ArgumentException(
                $"Stage '{inputs.Plan.Id}' chooses its weights on the fitness set, but there is none.",
                nameof(inputs)
            );
        }

        if (inputs.Plan.Stage.Selection.Rule == SelectionRule.BestValidation && inputs.Validation is not { Length: > 1 })
        {
            throw new ArgumentException(
                $"Stage '{inputs.Plan.Id}' is kept at its best validation loss, but has no validation set.",
                nameof(inputs)
            );
        }
    }
}
