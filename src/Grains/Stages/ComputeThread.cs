using Slowrun.Training.Numerics;

namespace Slowrun.Grains.Stages;

/// <summary>Lets asynchronous code wait for a worker thread.</summary>
internal static class ComputeThread
{
    /// <summary>Runs <paramref name="body"/> on a worker thread of its own; what it throws, the task throws.</summary>
    public static Task RunAsync(string name, Action body)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        WorkerThread.Start(name, () =>
        {
            try
            {
                body();
                done.SetResult();
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        });
        return done.Task;
    }
}
