using System.Runtime.ExceptionServices;
using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;
using Slowrun.Training.Distillation;
using Slowrun.Training.Evaluation;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using Slowrun.Training.Optimizers;
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
    private readonly List<FlatParameters> storages = [];
    private readonly Thread[] threads = [];
    private readonly SemaphoreSlim[] begin = [];
    private readonly IReadOnlyList<OptimizerShard> shards;
    private readonly CountdownEvent done = new(1);
    private readonly LaneSum sum;
    private Action<int>? work;
    private long reads;
    private Exception? failure;

    /// <param name="teachers">One for each worker; the same one where they share a device.</param>
    /// <param name="ensembles">One for each worker, whose own it is.</param>
    /// <param name="kernels">One for each worker, on <see cref="StepPath.Kernels"/>; else null.</param>
    /// <param name="replicate">
    /// Whether workers are devices with memory of their own: each has its parameters, makes its dropout masks, and updates a part of the
    /// parameters. On a CPU all share one storage.
    /// </param>
    /// <param name="shards">What each device updates: one for each worker with memory of its own, else one.</param>
    public LaneCrew(
        ModelRecipe model,
        StageRecipe stage,
        FlatParameters parameters,
        IReadOnlyList<Device> devices,
        IReadOnlyList<Teacher?> teachers,
        IReadOnlyList<EnsembleTeacher?> ensembles,
        bool replicate,
        StepPath path,
        IReadOnlyList<CudaKernels>? kernels,
        IReadOnlyList<OptimizerShard> shards
    )
    {
        (this.shards, Devices) = (shards, devices);
        storages.Add(parameters);
        try
        {
            foreach (var (w, device) in devices.Index())
            {
                if (w > 0 && replicate)
                {
                    storages.Add(new FlatParameters(parameters.Layout, device));
                }

                workers.Add(
                    new LaneWorker(model, stage, storages[^1], teachers[w], ensembles[w], masksOnDevice: replicate, path, kernels?[w])
                );
            }

            sum = storages.Count == 1 ? new LaneSum(new LaneBuffer(model, parameters)) : new LaneSum(Gradients(path));
            begin = [.. workers.Skip(1).Select(_ => new SemaphoreSlim(0))];
            Broadcast();
            // Last: a thread keeps all of this alive until it ends.
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

    /// <summary>One for each device with memory of its own, the stage's own first: where its part of the parameters is updated.</summary>
    public IReadOnlyList<FlatParameters> Storages => storages;

    /// <summary>The first device's parameters have changed: gives every other the new ones.</summary>
    public void Broadcast()
    {
        using var noGradient = no_grad();
        foreach (var replica in storages.Skip(1))
        {
            replica.Flat.copy_(storages[0].Flat);
        }
    }

    /// <summary>Each device has updated its part: gives every device the others' parts, which it takes itself.</summary>
    public void Gather()
    {
        if (storages.Count > 1)
        {
            Together(Gather);
        }
    }

    /// <summary>How often workers after the first, whose thread is the caller's, have read what a device computed.</summary>
    public long Reads => Interlocked.Read(ref reads);

    /// <summary>Computes the gradient of a step.</summary>
    /// <returns>Summed over all lanes, each device's part there; valid until the next call. Null: stopped.</returns>
    public IReadOnlyList<ShardGradient>? Run(StepWork step)
    {
        sum.Reset();
        Together(w => workers[w].Run(step, w, workers.Count, sum));
        return sum.IsComplete(step.Lanes) ? sum.Gradients : null;
    }

    /// <summary>Runs parts that do not touch each other's data, each on a worker of its device, and waits for them.</summary>
    /// <param name="parts">Of each device with memory of its own.</param>
    public void RunInParallel(IReadOnlyList<IReadOnlyList<Action>> parts)
    {
        var next = new int[parts.Count];
        Together(w =>
        {
            var mine = storages.Count == 1 ? 0 : w;
            while (Interlocked.Increment(ref next[mine]) is var part && part <= parts[mine].Count)
            {
                parts[mine][part - 1]();
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

        sum?.Dispose();
        foreach (var replica in storages.Skip(1))
        {
            replica.Dispose();
        }

        done.Dispose();
    }

    /// <summary>Memory for each device's part of the gradient.</summary>
    private List<ShardGradient> Gradients(StepPath path)
    {
        var (block, length) = (GradientClipping.BlockNumbers(path), storages[0].Layout.Length);
        var made = new List<ShardGradient>();
        using var scope = NewDisposeScope();
        try
        {
            foreach (var (shard, storage) in shards.Zip(storages))
            {
                var held = shard.Cover.Widened(block, length);
                var sum = zeros(held.Length, ScalarType.Float32, storage.Device).DetachFromDisposeScope();
                made.Add(new ShardGradient(sum, shard.Cover, held));
            }

            return made;
        }
        catch
        {
            made.ForEach(gradient => gradient.Sum.Dispose());
            throw;
        }
    }

    private void Gather(int worker)
    {
        using var noGradient = no_grad();
        var mine = storages[worker].Flat;
        for (var other = 0; other < storages.Count; other++)
        {
            foreach (var range in other == worker ? [] : shards[other].Cover.Ranges)
            {
                using var scope = NewDisposeScope();
                mine.narrow(0, range.Start, range.Length).copy_(storages[other].Flat.narrow(0, range.Start, range.Length));
            }
        }
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
