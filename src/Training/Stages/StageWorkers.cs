using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Lanes;
using Slowrun.Training.Numerics;
using Slowrun.Training.Optimizers;
using Slowrun.Training.Parameters;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Stages;

/// <summary>
/// The workers of a stage with their teachers, and the optimizer, which devices with memory of their own divide among them. Another number
/// of workers is another division, and no other byte.
/// </summary>
internal sealed class StageWorkers : IDisposable
{
    private readonly StageInputs inputs;
    private readonly FlatParameters parameters;
    private readonly IReadOnlyList<ParameterGroup> groups;
    private readonly IReadOnlyList<UpdateUnit> units;
    private readonly bool replicate;
    private readonly StepPath path;
    private readonly Func<Device, CudaKernels> kernelsOf;
    private StageTeachers? teachers;
    private LaneCrew? crew;

    /// <param name="parameters">On the first of the slots.</param>
    /// <param name="units">Of the groups: what is divided.</param>
    /// <param name="replicate">Whether processors are taken for devices with memory of their own; devices always are.</param>
    /// <param name="kernelsOf">Null: the device's own.</param>
    public StageWorkers(
        StageInputs inputs,
        FlatParameters parameters,
        IReadOnlyList<ParameterGroup> groups,
        IReadOnlyList<UpdateUnit> units,
        Device[] slots,
        bool replicate,
        StepPath path,
        Func<Device, CudaKernels>? kernelsOf
    )
    {
        (this.inputs, this.parameters, this.groups, this.units, this.path) = (inputs, parameters, groups, units, path);
        this.kernelsOf = kernelsOf ?? (device => CudaKernels.Of(device, inputs.Plan.Model.Products));
        this.replicate = replicate || slots[0].type != DeviceType.CPU;
        try
        {
            Employ(slots);
            Optimizer = new MuonAdamW(
                groups,
                inputs.Plan.Stage.Optimizer,
                path,
                Places(),
                new StageSteps(inputs.Plan, inputs.Train.Length).Steps
            );
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public LaneCrew Crew => crew!;

    public MuonAdamW Optimizer { get; }

    /// <summary>
    /// Other workers from now on. Where there is no memory for more of them, those before are made again, in the memory that they had.
    /// Moments move to the device that needs them, so that <see cref="MuonAdamW.State"/> is another one afterwards.
    /// </summary>
    /// <param name="slots">Their first is the first of those before.</param>
    public void Use(Device[] slots)
    {
        var before = Crew.Devices;
        // Their memory first: more workers may need it.
        LetGo();
        try
        {
            Employ(slots);
            if (replicate)
            {
                // Last: what fails here or above has left the moments where they were.
                Optimizer.Move(Places());
            }
        }
        catch (Exception) when (slots.Length > before.Count)
        {
            LetGo();
            Employ([.. before]);
            if (replicate)
            {
                Optimizer.Stay(Crew.Storages);
            }
        }
    }

    public void Dispose()
    {
        LetGo();
        Optimizer?.Dispose();
    }

    private void LetGo()
    {
        crew?.Dispose();
        teachers?.Dispose();
        (crew, teachers) = (null, null);
    }

    private void Employ(Device[] slots)
    {
        var plan = inputs.Plan;
        CudaKernels[]? kernels = path == StepPath.Kernels ? [.. slots.Select(kernelsOf)] : null;
        teachers = new StageTeachers(inputs, slots, replicate);
        var (models, ensembles) = (teachers.Models, teachers.Ensembles);
        var shards = Shards(replicate ? slots.Length : 1);
        crew = new LaneCrew(plan.Model, plan.Stage, parameters, slots, models, ensembles, replicate, path, kernels, shards);
    }

    /// <summary>Where each part of the model is updated.</summary>
    private ShardPlace[] Places() =>
        [
            .. Shards(Crew.Storages.Count)
                .Zip(Crew.Storages)
                .Select(one => new ShardPlace(
                    one.First,
                    one.Second,
                    path == StepPath.Kernels ? new UpdateKernels(kernelsOf(one.Second.Device)) : null
                )),
        ];

    private IReadOnlyList<OptimizerShard> Shards(int devices) => OptimizerShard.Of(groups, units, devices);
}
