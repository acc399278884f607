using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Schedules;
using Slowrun.Core.Tensors;
using Slowrun.Training.Averaging;
using Slowrun.Training.Devices;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Stages;

/// <summary>How it starts: with fresh weights, from the end of the stage before, or from a state that was captured.</summary>
public sealed partial class StageTraining
{
    /// <exception cref="ArgumentException">The plan cannot be trained, or an input that it needs is not there.</exception>
    /// <exception cref="InvalidDataException">The teacher's weights are not of this model.</exception>
    public static StageTraining Begin(StageInputs inputs, ComputeDevices devices) => Begin(inputs, devices, replicate: false);

    /// <param name="path">Null: the plan's own.</param>
    /// <param name="replicate">Treats processors as devices with memory of their own: how tests run what CUDA devices would.</param>
    /// <param name="kernelsOf">For tests: kernels of a device on <see cref="StepPath.Kernels"/>. Null: its own.</param>
    /// <param name="stackNumbers">For tests: the cut of stacks of matrices.</param>
    internal static StageTraining Begin(
        StageInputs inputs,
        ComputeDevices devices,
        bool replicate,
        StepPath? path = null,
        Func<Device, CudaKernels>? kernelsOf = null,
        long stackNumbers = UpdateUnits.StackNumbers
    )
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(devices);
        var training = new StageTraining(inputs, devices, replicate, path ?? Path(inputs.Plan, devices), kernelsOf, stackNumbers);
        try
        {
            if (inputs.Plan.Predecessor is null)
            {
                Initializer.Fill(
                    training.parameters,
                    inputs.Plan.Model,
                    StageKeys.Initial(inputs.Plan.Seed),
                    onDevice: replicate || training.parameters.Device.type != DeviceType.CPU
                );
            }
            else
            {
                training.Continue(inputs.Predecessor!);
            }
        }
        catch
        {
            training.Dispose();
            throw;
        }

        training.workers.Crew.Broadcast();
        return training;
    }

    /// <exception cref="InvalidDataException">A tensor of the state is missing, unknown, or of another type or shape.</exception>
    public static StageTraining Resume(StageInputs inputs, ComputeDevices devices, IReadOnlyList<TensorData> state) =>
        Resume(inputs, devices, state, path: null);

    /// <param name="path">Null: the plan's own.</param>
    /// <param name="kernelsOf">As in <see cref="Begin(StageInputs, ComputeDevices, bool, StepPath?, Func{Device, CudaKernels}?, long)"/>;
    /// likewise <paramref name="replicate"/> and <paramref name="stackNumbers"/>.</param>
    internal static StageTraining Resume(
        StageInputs inputs,
        ComputeDevices devices,
        IReadOnlyList<TensorData> state,
        StepPath? path,
        Func<Device, CudaKernels>? kernelsOf = null,
        bool replicate = false,
        long stackNumbers = UpdateUnits.StackNumbers
    )
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(devices);
        ArgumentNullException.ThrowIfNull(state);
        var training = new StageTraining(inputs, devices, replicate, path ?? Path(inputs.Plan, devices), kernelsOf, stackNumbers);
        try
        {
            training.state.Restore(state);
            if (training.Step < 0 || training.Step > training.Steps)
            {
                throw new InvalidDataException($"State tensor 'step' is {training.Step}, expected 0 to {training.Steps}.");
            }
        }
        catch
        {
            training.Dispose();
            throw;
        }

        training.workers.Crew.Broadcast();
        return training;
    }

    private static StepPath Path(StagePlan plan, ComputeDevices devices) =>
        StepPaths.Of(plan, onProcessor: ComputeDevices.DeviceOf(devices.Slots[0]).type == DeviceType.CPU);

    /// <summary>Continues from the end of the stage before: its parameters with noise, its moments, its position in the data
    /// order.</summary>
    private void Continue(IReadOnlyList<TensorData> finalState)
    {
        var (plan, shaken) = (inputs.Plan, inputs.Plan.Stage.Continuation!);
        state.RestorePart(
            finalState,
            name =>
                name == "micro-batches"
                || name.StartsWith("parameters", StringComparison.Ordinal)
                || name.StartsWith("optimizer/", StringComparison.Ordinal)
        );
        Perturbation.Apply(
            parameters,
            Cycles.PerturbationScale(plan.Id.Stage, plan.ChainStages, shaken.PerturbationMaximum, shaken.PerturbationMinimum),
            Cycles.PerturbationSeed(plan.OrderSeed ?? plan.Seed, plan.Id.Stage)
        );
    }
}
