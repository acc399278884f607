using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;

namespace Slowrun.Core.Explain;

/// <summary>
/// Bytes that a stage needs on one slot while it trains, apart for a device and the host's memory. Activations and workspace are estimates
/// by reading the engine's code; all else is exact.
/// </summary>
/// <param name="Gradients">The buffer of the lane that is computed, and the sum of those before it.</param>
/// <param name="Teacher">One model's weights; of an ensemble, whose models take turns in them, also what it has taught of some
/// micro-batches, without the model that comes next (<see cref="Ahead"/>).</param>
/// <param name="Activations">What is kept of a micro-batch for its backward pass; or the optimizer's temporaries where those are
/// more. Of a device; a processor's are <see cref="ActivationsOnProcessor"/>.</param>
/// <param name="Workspace">Of a CUDA device: its context, the libraries' workspaces and what the allocator's rounding takes. A processor
/// needs none.</param>
/// <param name="Averages">Averages, best and late weights: beside a device in the host's memory.</param>
/// <param name="CheckpointCopy">In the host's memory: the captured state while it is uploaded.</param>
public sealed record StageMemory(
    long Weights,
    long Moments,
    long Gradients,
    long Teacher,
    long Activations,
    long Workspace,
    long Averages,
    long CheckpointCopy
)
{
    // A context with its kernels takes about 0.5 GB, cuBLAS' workspaces 0.1; not measured with this engine.
    private const long CudaWorkspace = 1_000_000_000;

    /// <summary>The recipe's; a stage has no more workers than lanes.</summary>
    public int Lanes { get; init; } = 1;

    /// <summary>The part of <see cref="Teacher"/> that each worker has for itself, even where all share one memory: an
    /// ensemble's.</summary>
    public long TeacherOfEach { get; init; }

    /// <summary>The next model of a teaching ensemble: once on the device, and once in the host's memory on its way there. 0 on
    /// processors.</summary>
    public long Ahead { get; init; }

    /// <summary>The same of each worker on a processor, whose own kernels keep less where they cover the stage
    /// (<see cref="FusedPath"/>).</summary>
    public long ActivationsOnProcessor { get; init; }

    /// <summary>Moments and sum of each device where several divide them.</summary>
    public ShardBytes Shards { get; init; } = new(0, 0, 0);

    /// <summary>On a CUDA device that trains alone.</summary>
    public long Device => Weights + Moments + Gradients + Teacher + Ahead + Activations + Workspace;

    /// <summary>On each of two devices: of more of them, each needs less (<see cref="EachOf"/>).</summary>
    public long FurtherDevice => EachOf(2);

    /// <summary>On each of several CUDA devices that train a stage together: all weights, one gradient, and its part of moments and
    /// sum.</summary>
    /// <param name="devices">Rounded down to a power of two, and to the stage's lanes: so many it uses.</param>
    public long EachOf(int devices)
    {
        long part;
        switch (Math.Min(devices, Lanes))
        {
            case < 2:
                return Device;
            case < 4:
                part = Shards.OfTwo;
                break;
            case < 8:
                part = Shards.OfFour;
                break;
            default:
                part = Shards.OfEight;
                break;
        }

        return Weights + part + (Gradients / Math.Min(Lanes, 2)) + Teacher + Ahead + Activations + Workspace;
    }

    /// <summary>In the host's memory beside a CUDA device.</summary>
    public long Host => Averages + CheckpointCopy + Ahead;

    /// <summary>In the host's memory where one processor trains: everything.</summary>
    public long Total => OnProcessors(1);

    /// <summary>In the host's memory where several processors train. Weights, moments and averages are there once; each has a buffer for
    /// the lane that it computes, activations, and the ensemble that teaches.</summary>
    public long OnProcessors(int workers)
    {
        workers = Math.Clamp(workers, 1, Lanes);
        var buffer = Gradients / Math.Min(Lanes, 2);
        // The first worker computes lane 0 in the sum, and needs one of its own if it has another lane.
        var buffers = workers + (Lanes > workers ? 1 : 0);
        return Weights
            + Moments
            + Averages
            + CheckpointCopy
            + (buffers * buffer)
            + Teacher
            + ((workers - 1) * TeacherOfEach)
            + (workers * ActivationsOnProcessor);
    }

    /// <summary>What a slot's own memory must hold.</summary>
    public long On(SlotMemory slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        return slot.IsDevice ? Device : OnProcessors(slot.Workers);
    }

    public static StageMemory Of(StagePlan plan, StageSteps steps)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var flops = StageFlops.Of(plan, steps);
        return Of(plan, new StateTensors(plan, steps.Steps), Math.Max(flops.LayersFirst, flops.LayersLast));
    }

    internal static StageMemory Of(StagePlan plan, StateTensors state, int layerApplications)
    {
        var (model, stage) = (plan.Model, plan.Stage);
        // A recurrence keeps the last pass alone.
        long blocks = stage.Recurrence is { Passes: var passes }
            ? Math.Min(layerApplications, Math.Max(model.Layers, layerApplications / Math.Max(1, passes)))
            : layerApplications;
        var ensemble = plan.TeachingModel is { } teaching ? Taught(plan, teaching) : default;
        var table = ParameterTable.Of(model);
        var groups = ParameterGroups.Of(table, model, stage);
        var activations = Math.Max(
            KeptActivations.Bytes(model, stage, blocks, plan.IsTaught),
            sizeof(float) * UpdateUnits.Temporaries(groups)
        );
        return new(
            Bytes(state.Weights),
            Bytes(state.Moments),
            state.FlatLength * sizeof(float) * Math.Min(stage.Lanes, 2),
            plan.TeachingModel is not null ? ensemble.Model + ensemble.Outputs
                : plan.Teacher is null ? 0
                : TeacherBytes(model, state.FlatLength),
            activations,
            CudaWorkspace,
            Bytes(state.Averages),
            Bytes(state.All)
        )
        {
            Lanes = stage.Lanes,
            Shards = ShardBytes.Of(groups, ParameterGroups.Layout(table, groups)),
            TeacherOfEach = ensemble.Model + ensemble.Outputs,
            ActivationsOnProcessor = FusedPath.Covers(model, stage) ? FusedActivations.Bytes(plan, layerApplications) : activations,
            Ahead = plan is { TeachingModel: not null, TeacherModels: > 1 } ? ensemble.Model : 0,
        };
    }

    /// <summary>A teacher is read only, so that it is kept in the precision that products read it in.</summary>
    private static long TeacherBytes(ModelRecipe model, long numbers) =>
        numbers * (model.Products == MatrixPrecision.BF16 ? 2 : sizeof(float));

    /// <summary>One of its models, and what it has taught.</summary>
    private static (long Model, long Outputs) Taught(StagePlan plan, ModelRecipe teaching)
    {
        var table = ParameterTable.Of(teaching);
        var weights = ParameterGroups.Layout(table, ParameterGroups.Of(table, plan.Stage.Optimizer)).Length;
        return (TeacherBytes(teaching, weights), sizeof(float) * TaughtAtOnce.Numbers(plan));
    }

    private static long Bytes(IEnumerable<TensorLayout> tensors) => tensors.Sum(tensor => tensor.LengthBytes);
}
