using Slowrun.Core.Explain;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Schedules;
using Slowrun.Core.Tensors;
using Slowrun.Core.Tokens;
using Slowrun.Training.Copies;
using Slowrun.Training.Devices;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Lanes;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using Slowrun.Training.Optimizers;
using Slowrun.Training.Parameters;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Stages;

/// <summary>
/// Trains one stage, step by step. Fresh, resumed and benchmarked training are this one code path; after every step the whole state can
/// be captured, and what is resumed from it ends with the same bytes. Used by one thread at a time.
/// </summary>
public sealed partial class StageTraining : IDisposable
{
    private readonly StageInputs inputs;
    private readonly StageSteps steps;
    private readonly FlatParameters parameters;
    private readonly StageWorkers workers;
    private readonly TrainingRows rows;
    private readonly WeightSelection selection;
    private readonly StageSchedule schedule;
    private readonly Tensor losses;
    private readonly Tensor position;
    private readonly Tensor microBatches;
    private readonly IReadOnlyList<NamedTensor> weights;
    private TrainingState state;
    private readonly StepPath path;
    private StateCapture capture;

    private StageTraining(
        StageInputs inputs,
        ComputeDevices devices,
        bool replicate,
        StepPath path,
        Func<Device, CudaKernels>? kernelsOf,
        long stackNumbers
    )
    {
        (this.inputs, this.path) = (inputs, path);
        var plan = inputs.Plan;
        if (path == StepPath.Fused && Path(plan, devices) != StepPath.Fused)
        {
            throw new ArgumentException(
                $"Stage {plan.Id} has an option, or a device, that the fused path does not know: it would train another function.",
                nameof(path)
            );
        }

        IntraOp.UseOneThread();
        steps = new StageSteps(plan, inputs.Train.Length);
        StageInputsCheck.Require(inputs);
        var slots = Slots(devices);
        // Each device has its own parameters; processors share one storage.
        replicate |= slots[0].type != DeviceType.CPU;
        var table = ParameterTable.Of(plan.Model);
        var groups = ParameterGroups.Of(table, plan.Model, plan.Stage);
        var layout = ParameterGroups.Layout(table, groups);
        var units = UpdateUnits.Of(groups, layout, stackNumbers);
        try
        {
            parameters = new FlatParameters(layout, slots[0]);
            workers = new StageWorkers(inputs, parameters, groups, units, slots, replicate, path, kernelsOf);
            rows = new TrainingRows(plan, steps, inputs.Train);
            selection = new WeightSelection(plan.Stage, steps, parameters, apart: replicate);
            schedule = new StageSchedule(plan.Stage.Optimizer, steps.Steps, plan.Stage.Epochs);
            using var scope = NewDisposeScope();
            losses = zeros(steps.Steps, ScalarType.Float32).DetachFromDisposeScope();
            position = zeros(1, ScalarType.Int64).DetachFromDisposeScope();
            microBatches = zeros(1, ScalarType.Int64).DetachFromDisposeScope();
            weights = NamedTensor.Pieces("parameters", parameters.Flat);
            state = State();
            capture = new StateCapture(state, slots);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Optimizer steps done.</summary>
    public int Step => (int)position.data<long>()[0];

    /// <summary>Optimizer steps of the whole stage.</summary>
    public int Steps => steps.Steps;

    public int TokensPerStep => inputs.Plan.Stage.BatchTokens;

    /// <summary>How often its threads have read, and waited for, what a device computed.</summary>
    internal long DeviceReads { get; private set; }

    /// <inheritdoc cref="MuonAdamW.Divided"/>
    internal IReadOnlyList<(long Work, long MomentNumbers)> Divided => workers.Optimizer.Divided;

    /// <summary>What <see cref="Capture"/> writes, in order. A function of the plan and of the training set's length.</summary>
    public IReadOnlyList<TensorLayout> StateLayout => state.Layout;

    /// <summary>Trains one optimizer step, or returns at the next micro-batch, without the step, after a request to stop.</summary>
    public StepResult RunStep(CancellationToken stop)
    {
        var before = Scalars.Reads + workers.Crew.Reads;
        try
        {
            return Train(stop);
        }
        finally
        {
            DeviceReads += Scalars.Reads + workers.Crew.Reads - before;
        }
    }

    private StepResult Train(CancellationToken stop)
    {
        if (Step >= Steps)
        {
            throw new InvalidOperationException($"Stage '{inputs.Plan.Id}' has done all its {Steps} steps.");
        }

        IntraOp.UseOneThread();
        using var scope = NewDisposeScope();
        if (selection.IsToJudge(Step))
        {
            capture.Wait();
        }

        if (!selection.Judge(Step, () => LossNats(inputs.Validation!, stop)))
        {
            return StepResult.Stopped;
        }

        var step = Step;
        var before = microBatches.data<long>()[0];
        var work = new StepWork
        {
            Lanes = inputs.Plan.Stage.Lanes,
            MicroBatches = steps.MicroBatches,
            Read = (microBatches, device) => rows.Read([.. microBatches.Select(i => before + i)], device),
            Settings = StepSettings.At(inputs.Plan, steps, step),
            Key = i => StageKeys.MicroBatch(inputs.Plan.Seed, step, i),
            Losses = new Tensor?[steps.MicroBatches],
            Stop = stop,
        };
        try
        {
            return workers.Crew.Run(work) is { } gradients ? Taken(work, gradients, step) : StepResult.Stopped;
        }
        finally
        {
            foreach (var part in work.Losses)
            {
                part?.Dispose();
            }
        }
    }

    /// <summary>A buffer for captures of <see cref="StateLayout"/>; beside a device pinned, which takes a while. To be disposed before
    /// this.</summary>
    public StateBuffer NewBuffer() => capture.NewBuffer(StateLayout);

    /// <summary>For tests: captures as if the workers were devices and the state lay on the first of them.</summary>
    /// <param name="open">Of a worker's place. Its copies are taken over.</param>
    internal void CaptureBy(Func<int, DeviceCopies> open)
    {
        capture.Dispose();
        capture = new StateCapture(state, [.. workers.Crew.Devices], open);
    }

    /// <summary>
    /// Goes on with other workers from the next step on: lanes belong to the recipe, so no byte changes. Where more of them cannot be had,
    /// for want of memory or since their device refuses, it goes on with those before.
    /// </summary>
    /// <param name="devices">Its first is the first of those before: the parameters lie there.</param>
    /// <returns>Workers from now on.</returns>
    public int Use(ComputeDevices devices)
    {
        ArgumentNullException.ThrowIfNull(devices);
        var slots = Slots(devices);
        if (slots[0].ToString() != parameters.Device.ToString())
        {
            throw new ArgumentException(
                $"The first device is {slots[0]}, expected {parameters.Device}, where the parameters lie.",
                nameof(devices)
            );
        }

        // What is captured may move. Where that cannot be followed nothing moves: afterwards there would be no way back.
        try
        {
            capture.Reach(slots);
        }
        catch (InvalidOperationException) when (slots.Length > workers.Crew.Devices.Count)
        {
            return workers.Crew.Devices.Count;
        }

        workers.Use(slots);
        state = State();
        capture.Follow(state, [.. workers.Crew.Devices]);
        return workers.Crew.Devices.Count;
    }

    /// <summary>Copies the state at this step boundary.</summary>
    /// <param name="into">Made for <see cref="StateLayout"/>.</param>
    public void Capture(StateBuffer into) => BeginCapture(into).GetAwaiter().GetResult();

    /// <summary>
    /// Copies the state as it is at this step boundary, beside a device while the next step computes its gradient: that step waits for the
    /// copy before it changes anything.
    /// </summary>
    /// <param name="into">Of <see cref="NewBuffer"/>, or made for <see cref="StateLayout"/>; it must stay until the task ends.</param>
    /// <param name="waiting">How this thread waits where it has to; null: plainly.</param>
    /// <returns>Ends when the buffer holds the state.</returns>
    public Task BeginCapture(StateBuffer into, Action<Task>? waiting = null)
    {
        ArgumentNullException.ThrowIfNull(into);
        return capture.Begin(into, waiting);
    }

    /// <summary>Explains a step that is not <see cref="StepResult.Finite"/>.</summary>
    public DivergedException Explain(StepResult result) => Divergence.OfStep(inputs.Plan.Id.ToString(), Step, result, parameters);

    /// <summary>After the last step: the weights that the recipe keeps, under upstream's names, in registration order.</summary>
    /// <exception cref="OperationCanceledException">Stopped while judging the last weights; it may be called again.</exception>
    /// <exception cref="DivergedException">They are not finite.</exception>
    public IReadOnlyList<TensorData> Snapshot(CancellationToken stop = default)
    {
        if (Step < Steps)
        {
            throw new InvalidOperationException($"Stage '{inputs.Plan.Id}' has done {Step} of {Steps} steps: no snapshot yet.");
        }

        IntraOp.UseOneThread();
        capture.Wait();
        if (
            !selection.Judge(Step, () => LossNats(inputs.Validation!, stop))
            || selection.Chosen(() => LossNats(inputs.Fitness!, stop)) is not { } chosen
        )
        {
            throw new OperationCanceledException(stop);
        }

        // No training loss shows the effect of the last update.
        Divergence.CheckSnapshot(inputs.Plan.Id.ToString(), Step, chosen);
        return chosen;
    }

    public void Dispose()
    {
        // Also of one that was not finished: workers' threads would hold all of it for ever.
        capture?.Dispose();
        workers?.Dispose();
        selection?.Dispose();
        // Where they are several they are views, which would keep all parameters until they are collected.
        foreach (var piece in weights is { Count: > 1 } ? weights : [])
        {
            piece.Tensor.Dispose();
        }

        parameters?.Dispose();
        losses?.Dispose();
        position?.Dispose();
        microBatches?.Dispose();
    }

    private Device[] Slots(ComputeDevices devices) =>
        [.. devices.Slots.Take(devices.Workers(inputs.Plan.Stage.Lanes)).Select(ComputeDevices.DeviceOf)];

    private TrainingState State() =>
        new(
            [
                .. weights,
                .. workers.Optimizer.State,
                .. selection.State,
                new NamedTensor(StateTensors.Losses, losses),
                new NamedTensor("step", position),
                new NamedTensor("micro-batches", microBatches),
            ]
        );

    /// <summary>The step with a gradient. The host reads what the device computed once, at its end: until then it only gives
    /// orders.</summary>
    private StepResult Taken(StepWork work, IReadOnlyList<ShardGradient> gradients, int step)
    {
        // Up to here nothing of the state has changed.
        capture.Wait();
        using var noGradient = no_grad();
        var norm = GradientClipping.Clip(gradients, parameters.Layout, inputs.Plan.Stage.ClipNorm, path, workers.Optimizer.Kernels);
        Update(gradients, step);
        workers.Crew.Gather();
        position.add_(Scalars.Of(1), Scalars.One);
        microBatches.add_(Scalars.Of(steps.MicroBatches), Scalars.One);
        selection.Update(step + 1);
        var read = Scalars.Read(stack([norm.to(ScalarType.Float64), .. work.Losses.Select(part => part!.to(parameters.Device))]));
        var loss = read.Skip(1).Sum(part => part / (1.0 / steps.MicroBatches)) / steps.MicroBatches;
        losses[step] = (float)loss;
        return new StepResult(true, loss, read[0]);
    }

    private void Update(IReadOnlyList<ShardGradient> gradients, int step)
    {
        try
        {
            workers.Crew.RunInParallel(workers.Optimizer.Updates(gradients, schedule.At(step)));
        }
        catch (Exception e) when (Divergence.OfUpdate(inputs.Plan.Id.ToString(), step + 1, e) is { } diverged)
        {
            throw diverged;
        }
    }

    /// <summary>Mean loss of the present parameters, passed as the last step passed them. Null: stopped.</summary>
    internal double? LossNats(TokenSet set, CancellationToken stop)
    {
        var now = StepSettings.At(inputs.Plan, steps, Step - 1);
        var pass = new ForwardPass
        {
            Loop = now.Loop,
            Recurrences = now.Recurrences,
            Layers = now.Layers,
            Windows = now.Windows,
        };
        workers.Crew.Broadcast();
        return workers.Crew.LossNats(set, inputs.Plan.Evaluation.Rows, pass, stop);
    }
}
