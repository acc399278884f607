namespace Slowrun.Storage.Checkpoints;

/// <summary>Another silo has taken the stage: stop training it, and write nothing more.</summary>
/// <param name="epochToken">The token of the take that lost.</param>
/// <param name="newerEpochToken">The token found in the root.</param>
public sealed class FencedException(string message, long epochToken, long newerEpochToken) : Exception(message)
{
    public long EpochToken => epochToken;

    public long NewerEpochToken => newerEpochToken;
}
