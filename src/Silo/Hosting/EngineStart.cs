using Slowrun.Core;
using Slowrun.Training.Fingerprinting;
using Slowrun.Training.Numerics;

namespace Slowrun.Silo.Hosting;

/// <summary>
/// Loads libtorch and takes the fingerprints of the slots while the silo joins its cluster: that is half of the processor time of a start,
/// and the two are independent. The slot loop waits for the same fingerprints before it offers a slot.
/// </summary>
internal static class EngineStart
{
    /// <returns>Fails with a <see cref="NotPossibleException"/> where a slot cannot train.</returns>
    public static Task Begin(IReadOnlyList<string> slots) =>
        Task.Factory.StartNew(
            () =>
            {
                foreach (var slot in slots)
                {
                    Try(slot);
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default
        );

    private static void Try(string slot)
    {
        try
        {
            _ = NumericsFingerprint.Of(slot);
        }
        catch (DeviceRefusedException e)
        {
            throw new NotPossibleException($"The slot {slot} cannot train: {e.Message}");
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException or NotSupportedException)
        {
            throw new NotPossibleException(
                $"libtorch does not load: {e.GetBaseException().Message} `slowrun doctor` checks this machine; `ldd` on libLibTorchSharp.so beside the silo shows what is missing."
            );
        }
    }
}
