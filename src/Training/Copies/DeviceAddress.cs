using System.Runtime.InteropServices;

namespace Slowrun.Training.Copies;

/// <summary>Addresses of tensors on any device: TorchSharp's own accessors are for the host's memory alone.</summary>
internal static partial class DeviceAddress
{
    /// <summary>The address of a tensor's first number.</summary>
    /// <param name="tensor">Its handle.</param>
    [LibraryImport("LibTorchSharp", EntryPoint = "THSTensor_data")]
    public static partial nint Of(nint tensor);
}
