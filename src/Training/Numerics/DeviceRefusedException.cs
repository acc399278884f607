namespace Slowrun.Training.Numerics;

/// <summary>A device cannot train a recipe reproducibly, or not at all. The message says why and what to do.</summary>
public sealed class DeviceRefusedException : Exception
{
    public DeviceRefusedException() { }

    public DeviceRefusedException(string message)
        : base(message) { }

    public DeviceRefusedException(string message, Exception innerException)
        : base(message, innerException) { }
}
