using Slowrun.Training.Distillation;
using static TorchSharp.torch;

namespace Slowrun.Training.Lanes;

/// <summary>
/// What an ensemble teaches of a worker's micro-batches, one after the other. Several are taught together, which saves copies of the
/// weights and changes no bit: each has a forward pass of its own.
/// </summary>
/// <param name="teacher">Null: nothing is taught this way.</param>
/// <param name="rows">The micro-batches, as they will be trained on.</param>
internal sealed class TeacherOutputs(EnsembleTeacher? teacher, StepRows rows, CancellationToken stop) : IDisposable
{
    private readonly Queue<Tensor> taught = [];
    private int asked;

    /// <summary>[B·T, V]: log-probabilities for the present micro-batch. Null: none are taught.</summary>
    public Tensor? Current { get; private set; }

    /// <summary>Goes on to the next micro-batch.</summary>
    /// <returns>False: stopped.</returns>
    public bool MoveNext()
    {
        Forget();
        if (teacher is null)
        {
            return true;
        }

        if (taught.Count == 0)
        {
            using var scope = NewDisposeScope();
            var inputs = Enumerable
                .Range(asked, Math.Min(teacher.AtOnce, rows.Count - asked))
                .Select(position => rows[position].Inputs)
                .ToList();
            asked += inputs.Count;
            if (teacher.Teach(inputs, stop) is not { } outputs)
            {
                return false;
            }

            foreach (var lesson in outputs)
            {
                taught.Enqueue(lesson);
            }
        }

        Current = taught.Dequeue();
        return true;
    }

    public void Dispose()
    {
        Forget();
        while (taught.TryDequeue(out var lesson))
        {
            lesson.Dispose();
        }
    }

    private void Forget()
    {
        Current?.Dispose();
        Current = null;
    }
}
