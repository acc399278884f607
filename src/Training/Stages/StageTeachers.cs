using Slowrun.Training.Distillation;
using static TorchSharp.torch;

namespace Slowrun.Training.Stages;

/// <summary>The models that teach a stage, for each of its workers: one teacher, an ensemble, or none.</summary>
internal sealed class StageTeachers : IDisposable
{
    /// <param name="slots">The device of each worker.</param>
    /// <param name="replicate">Whether each device has its own copy of the teacher; processors share one.</param>
    /// <exception cref="InvalidDataException">Weights are not of the teacher's model.</exception>
    public StageTeachers(StageInputs inputs, Device[] slots, bool replicate)
    {
        var plan = inputs.Plan;
        Models = new Teacher?[slots.Length];
        Ensembles = new EnsembleTeacher?[slots.Length];
        try
        {
            for (var i = 0; i < slots.Length; i++)
            {
                Models[i] =
                    plan.Teacher is null ? null
                    : i == 0 || replicate ? new Teacher(plan, inputs.Teacher!, slots[i])
                    : Models[0];
                Ensembles[i] = plan.TeacherEnsemble is null
                    ? null
                    : new EnsembleTeacher(plan, inputs.TeacherMembers!, slots[i], slots.Length);
            }
        }
        catch
        {
            // A stage that could not begin gives back the memory of the models that were loaded.
            Dispose();
            throw;
        }
    }

    /// <summary>One for each worker; the same one where they share a device.</summary>
    public Teacher?[] Models { get; }

    /// <summary>One for each worker.</summary>
    public EnsembleTeacher?[] Ensembles { get; }

    public void Dispose()
    {
        foreach (var teacher in Models.OfType<Teacher>().Distinct())
        {
            teacher.Dispose();
        }

        foreach (var ensemble in Ensembles)
        {
            ensemble?.Dispose();
        }
    }
}
