using Slowrun.Core.Models;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Parameters;

namespace Slowrun.Training.Optimizers;

/// <summary>Where a part of the model is updated.</summary>
/// <param name="Parameters">All of them, on the device that updates this part.</param>
/// <param name="Kernels">Of that device, on <see cref="Numerics.StepPath.Kernels"/>; else null.</param>
internal sealed record ShardPlace(OptimizerShard Shard, FlatParameters Parameters, UpdateKernels? Kernels);
