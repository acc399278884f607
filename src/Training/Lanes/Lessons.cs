using Slowrun.Training.Distillation;
using static TorchSharp.torch;

namespace Slowrun.Training.Lanes;

/// <summary>
/// What an ensemble teaches of a worker's micro-batches, one after the other. Several are taught together, which saves bringing the
/// weights along and changes no bit: each is passed by itself.
/// </summary>
/// <param name="teacher">Null: nothing is taught this way.</param>
/// <param name="order">The micro-batches, as they will be trained on.</param>
internal sealed class Lessons(EnsembleTeacher? teacher, StepWork step, IReadOnlyList<int> order, Device device) : IDisposable
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
            var inputs = order.Skip(asked).Take(teacher.AtOnce).Select(i => step.Batch(i, device).Inputs).ToList();
            asked += inputs.Count;
            if (teacher.Teach(inputs, step.Stop) is not { } lessons)
            {
                return false;
            }

            foreach (var lesson in lessons)
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
