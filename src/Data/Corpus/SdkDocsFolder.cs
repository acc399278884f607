using System.Runtime.InteropServices;

namespace Slowrun.Data.Corpus;

/// <summary>Finds the English API documentation that every .NET SDK brings along.</summary>
public static class SdkDocsFolder
{
    private const string Pack = "packs/Microsoft.NETCore.App.Ref";

    /// <exception cref="CorpusException">No .NET on this machine has it; what to do.</exception>
    public static string Find() => Find(Roots());

    /// <param name="roots">Folders in which <c>dotnet</c> may be installed; the first that has documentation is used, its newest
    /// version.</param>
    /// <exception cref="CorpusException">None has it.</exception>
    public static string Find(IEnumerable<string> roots)
    {
        var seen = roots.Distinct(StringComparer.Ordinal).ToList();
        return seen.Select(Newest).FirstOrDefault(folder => folder is not null) ?? throw new CorpusException(
                $"No API documentation was found: looked for '{Pack}/*/ref/*/*.xml' in {string.Join(", ", seen.Select(root => $"'{root}'"))}. "
                    + "Install a .NET SDK (a runtime alone has none), point DOTNET_ROOT to one, or give other text with --text FILE."
            );
    }

    private static IEnumerable<string> Roots()
    {
        if (Environment.GetEnvironmentVariable("DOTNET_ROOT") is { Length: > 0 } given)
        {
            yield return Path.GetFullPath(given);
        }

        // The runtime lies in ROOT/shared/Microsoft.NETCore.App/VERSION/.
        yield return Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));
        var path = Environment.GetEnvironmentVariable("PATH") ?? "";
        foreach (var folder in path.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
        {
            var dotnet = new FileInfo(Path.Combine(folder, "dotnet"));
            if (dotnet.Exists)
            {
                yield return Path.GetDirectoryName((dotnet.ResolveLinkTarget(returnFinalTarget: true) ?? dotnet).FullName)!;
            }
        }
    }

    private static string? Newest(string root)
    {
        var pack = Path.Combine(root, Pack);
        return Directory.Exists(pack)
            ? Directory
                .EnumerateDirectories(pack)
                .OrderByDescending(VersionOf)
                .ThenByDescending(folder => folder, StringComparer.Ordinal)
                .SelectMany(folder =>
                    Directory.Exists(Path.Combine(folder, "ref")) ? Directory.EnumerateDirectories(Path.Combine(folder, "ref")) : []
                )
                .FirstOrDefault(folder => Directory.EnumerateFiles(folder, "*.xml").Any())
            : null;
    }

    private static Version VersionOf(string folder) =>
        Version.TryParse(Path.GetFileName(folder).Split('-')[0], out var version) ? version : new Version();
}
