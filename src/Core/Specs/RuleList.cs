namespace Slowrun.Core.Specs;

/// <summary>Collects broken rules.</summary>
internal sealed class RuleList
{
    private readonly List<(string Path, string Message)> broken = [];

    public IReadOnlyList<(string Path, string Message)> Broken => broken;

    /// <summary>Notes <paramref name="message"/> unless <paramref name="kept"/>, which it returns.</summary>
    public bool Check(string path, bool kept, string message)
    {
        if (!kept)
        {
            broken.Add((path, message));
        }

        return kept;
    }
}
