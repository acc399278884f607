using System.Reflection;

namespace Slowrun.Core.Presets;

/// <summary>The specs that come with the program: YAML files beside this one, embedded.</summary>
public static class PresetFiles
{
    private const string Suffix = ".yaml";

    private static readonly string Prefix = typeof(PresetFiles).Namespace + ".";

    /// <summary>In ordinal order.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        .. typeof(PresetFiles)
            .Assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(Suffix, StringComparison.Ordinal))
            .Select(name => name[Prefix.Length..^Suffix.Length])
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>The preset as it was written, with its comments; null where there is none of that name.</summary>
    public static string? TryRead(string name)
    {
        if (!Names.Contains(name))
        {
            return null;
        }

        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Prefix + name + Suffix)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>The preset's first comment line: what it is for.</summary>
    public static string Summary(string name) => TryRead(name)?.Split('\n')[0].TrimStart('#', ' ').TrimEnd() ?? "";
}
