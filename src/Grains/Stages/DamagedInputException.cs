namespace Slowrun.Grains.Stages;

/// <summary>
/// Something that a stage trains from is missing or damaged: no error of the stage, and nothing that trying again mends. It waits until the
/// object is whole.
/// </summary>
internal sealed class DamagedInputException(string message, Exception? inner = null) : Exception(message, inner);
