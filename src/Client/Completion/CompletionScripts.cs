using System.Reflection;

namespace Slowrun.Client.Completion;

/// <summary>Scripts that make a shell ask <c>slowrun complete</c>; embedded, each beside this file.</summary>
internal static class CompletionScripts
{
    private static readonly Dictionary<string, string> Files = new(StringComparer.Ordinal)
    {
        ["bash"] = "slowrun.bash",
        ["zsh"] = "slowrun.zsh",
        ["fish"] = "slowrun.fish",
        ["pwsh"] = "slowrun.ps1",
    };

    public static IEnumerable<string> Shells => Files.Keys;

    public static string Of(string shell)
    {
        using var stream = Assembly
            .GetExecutingAssembly()
            .GetManifestResourceStream($"{typeof(CompletionScripts).Namespace}.{Files[shell]}")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
