using System.Runtime.ExceptionServices;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;
using Slowrun.Training.Distillation;
using Slowrun.Training.Evaluation;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Lanes;

/// <summary>
/// The workers of a stage. Lanes are dealt in turn, so that they finish about in the order in which they are added (<see cref="LaneSum"/>),
/// and no worker waits long.
/// </summary>
internal sealed class LaneCrew : IDisposable
{
    private readonly List<LaneWorker> workers = [];
    private readonly List<FlatParameters> replicas = [];
    private readonly Thread[] threads = [];
    private readonly SemaphoreSlim[] begin = [];
    private readonly FlatParameters parameters;
    private readonly CountdownEvent done = new(1);
    private readonly LaneSum sum;
    private Action<int>? work;
    private long reads;
    private Exception? failure;

    /// <param name="teachers">One for each worker; the same one where they share a device.</param>
    /// <param name="ensembles">One for each worker, whose own it is.</param>
    /// <param name="kernels">One for each worker, on <see cref="StepPath.Kernels"/>; else null.</param>
    /// <param name="replicate">
    /// Whether workers are devices with memory of their own: each has its parameters, and makes its dropout masks. On a CPU all share one
    /// storage.
    /// </param>
    public LaneCrew(
        ModelRecipe model,
        StageRecipe stage,
        FlatParameters parameters,
        IReadOnlyList<Device> devices,
        IReadOnlyList<Teacher?> teachers,
        IReadOnlyList<EnsembleTeacher?> ensembles,
        bool replicate,
        StepPath path,
        IReadOnlyList<CudaKernels>? kernels
    )
    {
        (this.parameters, Devices) = (parameters, devices);
        try
        {
            foreach (var device in devices)
            {
                var own = workers.Count == 0 || !replicate ? parameters : new FlatParameters(parameters.Layout, device);
                if (workers.Count > 0)
                {
                    replicas.Add(own);
                }

                var w = workers.Count;
                workers.Add(new LaneWorker(model, stage, own, teachers[w], ensembles[w], masksOnDevice: replicate, path, kernels?[w]));
            }

            sum = new LaneSum(new LaneBuffer(model, parameters));
            begin = [.. replicas.Select(_ => new SemaphoreSlim(0))];
            Broadcast();
            // Last: a thread holds all of this until it is told to end.
            threads = [.. begin.Select((_, w) => WorkerThread.Start($"slowrun lanes {w + 1}", () => Serve(w + 1)))];
        }
        catch
        {
            // What was made before the memory ended is given back.
            Dispose();
            throw;
        }
    }

    /// <summary>One for each worker.</summary>
    public IReadOnlyList<Device> Devices { get; }

    /// <summary>Parameters have changed: gives every replica the new ones.</summary>
    public void Broadcast()
    {
        using var noGradient = no_grad();
        foreach (var replica in replicas)
        {
            if (!ReferenceEquals(replica, workers[0].Parameters))
            {
                replica.Flat.copy_(workers[0].Parameters.Flat);
            }
        }
    }

    /// <summary>How often workers after the first, whose thread is the caller's, have read what a device computed.</summary>
    public long Reads => Interlocked.Read(ref reads);

    /// <summary>Computes the gradient of a step.</summary>
    /// <returns>(Layout.Length), summed over all lanes; valid until the next call. Null: stopped.</returns>
    public Tensor? Run(StepWork step)
    {
        sum.Reset();
        Together(w => workers[w].Run(step, w, workers.Count, sum));
        return sum.IsComplete(step.Lanes) ? sum.Total.Gradients.Flat : null;
    }

    /// <summary>Runs parts that do not touch each other's data, on all workers that share the first one's device, and waits for
    /// them.</summary>
    public void RunInParallel(IReadOnlyList<Action> parts)
    {
        var next = -1;
        Together(w =>
        {
            while (
                (w == 0 || ReferenceEquals(workers[w].Parameters, workers[0].Parameters))
                && Interlocked.Increment(ref next) is var part
                && part < parts.Count
            )
            {
                parts[part]();
            }
        });
    }

    /// <summary>Mean -ln p of a set with the present weights, in nats per token. Null: stopped.</summary>
    public double? LossNats(TokenSet set, int rows, ForwardPass pass, CancellationToken stop)
    {
        var probabilities = new float[set.Length - 1];
        Together(w => workers[w].Score(set, rows, pass, w, workers.Count, probabilities, stop));
        return stop.IsCancellationRequested ? null : ScoringPass.LossNats(probabilities);
    }

    public void Dispose()
    {
        work = null;
        foreach (var signal in begin)
        {
            signal.Release();
        }

        foreach (var thread in threads)
        {
            thread.Join();
        }

        foreach (var signal in begin)
        {
            signal.Dispose();
        }

        foreach (var worker in workers)
        {
            worker.Dispose();
        }

        sum?.Total.Dispose();
        foreach (var replica in replicas.Where(replica => !ReferenceEquals(replica, parameters)))
        {
            replica.Dispose();
        }

        done.Dispose();
    }

    /// <summary>Has every worker do its part, the first on this thread, and waits for all.</summary>
    private void Together(Action<int> part)
    {
        work = part;
        done.Reset(workers.Count);
        foreach (var signal in begin)
        {
            signal.Release();
        }

        Compute(0);
        done.Wait(CancellationToken.None);
        if (Interlocked.Exchange(ref failure, null) is { } thrown)
        {
            ExceptionDispatchInfo.Throw(thrown);
        }
    }

    private void Serve(int worker)
    {
        while (true)
        {
            begin[worker - 1].Wait();
            if (work is null)
            {
                return;
            }

            var before = Scalars.Reads;
            Compute(worker, () => Interlocked.Add(ref reads, Scalars.Reads - before));
        }
    }

    private void Compute(int worker, Action? beforeDone = null)
    {
        try
        {
            IntraOp.UseOneThread();
            work!(worker);
        }
#pragma warning disable CA1031 // Thrown again on the thread that asked.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Interlocked.CompareExchange(ref failure, e, null);
        }
        finally
        {
            beforeDone?.Invoke();
            done.Signal();
        }
    }
}
