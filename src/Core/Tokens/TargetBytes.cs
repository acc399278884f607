namespace Slowrun.Core.Tokens;

/// <summary>The text length of an evaluation set's targets.</summary>
public static class TargetBytes
{
    /// <returns>UTF-8 bytes of every token of the set but the first: the first token is not a target.</returns>
    public static int[] Of(TokenSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        var targets = new int[Math.Max(0, checked((int)set.Length - 1))];
        set.Read(1, targets);
        for (var i = 0; i < targets.Length; i++)
        {
            targets[i] = set.TokenBytes[targets[i]];
        }

        return targets;
    }
}
