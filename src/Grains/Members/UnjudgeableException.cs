namespace Slowrun.Grains.Members;

/// <summary>What is to be scored or averaged cannot be, however often it is tried: the same bytes would give the same again.</summary>
internal sealed class UnjudgeableException(string message, string advice) : Exception(message)
{
    /// <summary>What to do about it.</summary>
    public string Advice => advice;
}
