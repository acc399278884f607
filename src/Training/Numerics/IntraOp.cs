using static TorchSharp.torch;

namespace Slowrun.Training.Numerics;

/// <summary>
/// Keeps libtorch to one thread inside an operation: two give other bits, and several trainings side by side are faster with one each.
/// </summary>
internal static class IntraOp
{
    [ThreadStatic]
    private static bool prepared;

    /// <summary>Sets the calling thread to one intra-op thread; cheap when it already is.</summary>
    /// <exception cref="InvalidOperationException">The count was changed on this thread.</exception>
    public static void UseOneThread()
    {
        if (!prepared)
        {
            // The count is per thread, but a thread's first operation overwrites it with the newest one set anywhere: so one operation
            // first, large enough to be divided among threads.
            using (var warm = ones(1 << 16))
            using (warm.add(Scalars.One, Scalars.One)) { }

            set_num_threads(1);
            prepared = true;
        }

        if (get_num_threads() != 1)
        {
            throw new InvalidOperationException(
                $"This thread uses {get_num_threads()} intra-op threads, expected 1: a result would have other bits. "
                    + "Do not call set_num_threads on a thread that trains."
            );
        }
    }
}
