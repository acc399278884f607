using System.Globalization;
using System.Numerics;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Devices;

/// <summary>The slots lent to one training or scoring. Their number changes the speed and no byte.</summary>
/// <param name="Slots">At least one: all <c>cpu:n</c>, or all <c>cuda:n</c>.</param>
public sealed record ComputeDevices(IReadOnlyList<string> Slots)
{
    public static ComputeDevices SingleCpu { get; } = new(["cpu:0"]);

    /// <summary>Workers used for a stage of this many lanes: the largest power of two that slots and lanes allow.</summary>
    public int Workers(int lanes) => Math.Min(lanes, 1 << BitOperations.Log2((uint)Slots.Count));

    /// <summary>Why a slot reads whole rows of keys through masks, where windows are narrower and products bfloat16. Null: it has flash
    /// attention with windows.</summary>
    /// <param name="headWidth">Of the model's heads.</param>
    public static string? WindowObstacle(string slot, int headWidth) => Models.WindowedFlash.Obstacle(DeviceOf(slot), headWidth);

    /// <summary>Why a slot does not compile kernels of our own. Null: it does; tried anew each time.</summary>
    public static string? KernelObstacle(string slot)
    {
        var device = DeviceOf(slot);
        if (device.type != DeviceType.CUDA)
        {
            return "they are for CUDA devices";
        }

        try
        {
            using var kernels = CudaKernels.Open(device.index, rounded: true, Nvrtc.Open());
            return null;
        }
        catch (InvalidOperationException e)
        {
            return e.Message;
        }
    }

    /// <exception cref="ArgumentException">Not a slot name.</exception>
    public static Device DeviceOf(string slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        var parts = slot.Split(':');
        if (parts.Length == 2 && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var index))
        {
            switch (parts[0])
            {
                case "cpu":
                    return CPU;
                case "cuda":
                    CudaDeterminism.Enable();
                    return device($"cuda:{index}");
            }
        }

        throw new ArgumentException($"Slot '{slot}' is none, expected cpu:0, cpu:1, … or cuda:0, cuda:1, …", nameof(slot));
    }
}
