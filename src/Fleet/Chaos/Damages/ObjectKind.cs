namespace Slowrun.Fleet.Chaos.Damages;

/// <summary>What kind of object a name is of.</summary>
internal static class ObjectKind
{
    public const string Cached = "cached file";

    /// <param name="name">In the store.</param>
    /// <param name="data">SHA-256 of the run's data manifest.</param>
    /// <returns>Null: none of the run's, or nothing that chaos may damage.</returns>
    public static string? Of(string name, string run, string? data)
    {
        if (name.StartsWith("data/", StringComparison.Ordinal))
        {
            return name["data/".Length..] == data ? "data manifest" : "data";
        }

        var folder = $"runs/{run}/";
        if (!name.StartsWith(folder, StringComparison.Ordinal))
        {
            return null;
        }

        return name[folder.Length..].Split('/') switch
        {
            ["spec" or "operations" or "intent"] and [var document] => document,
            ["snapshots", _] => "snapshot",
            ["scores", var file] => file.EndsWith(".json", StringComparison.Ordinal) ? "score" : "vector",
            ["ensembles", _] => "ensemble",
            ["events", _] => "event",
            [_, _, "root" or "progress"] and [.., var document] => document,
            [_, _, _, "manifest.json"] => "manifest",
            [_, _, _, _] => "part",
            // A second copy of a document.
            [.., var other] => other,
            _ => null,
        };
    }

    /// <summary>Of a checkpoint: the next one makes it superfluous.</summary>
    public static bool IsSwept(string kind) => kind is "manifest" or "part";

    /// <summary>Whether there are older ones of it.</summary>
    public static bool IsReplaced(string kind) => kind is "root" or "progress" or "intent" or "operations";
}
