using Slowrun.Core;

namespace Slowrun.Fleet.Silos;

/// <summary>The silo's program and its arguments: it carries torch, which the client does not.</summary>
public sealed record SiloProgram(string FileName, IReadOnlyList<string> Arguments)
{
    private const string Variable = "SLOWRUN_SILO";

    /// <summary>What <c>SLOWRUN_SILO</c> says, else what was built or published beside this program.</summary>
    /// <exception cref="NotPossibleException">There is none.</exception>
    public static SiloProgram Find()
    {
        var given = Environment.GetEnvironmentVariable(Variable);
        IReadOnlyList<string> places = given is { Length: > 0 }
            ? [given]
            :
            [
                Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../Slowrun.Silo/release/Slowrun.Silo.dll")),
                Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../silo/Slowrun.Silo")),
                Path.Combine(AppContext.BaseDirectory, "Slowrun.Silo"),
            ];
        var program =
            places.FirstOrDefault(File.Exists)
            ?? throw new NotPossibleException(
                $"The silo's program was not found: looked for {string.Join(", ", places.Select(place => $"'{place}'"))}. Put the published silo's folder there, build it with 'dotnet build src/Silo', or set {Variable} to its program."
            );
        return program.EndsWith(".dll", StringComparison.OrdinalIgnoreCase)
            ? new SiloProgram(DotNet(), [program])
            : new SiloProgram(program, []);
    }

    /// <summary>The <c>dotnet</c> that runs this process, so that a silo gets the same runtime.</summary>
    private static string DotNet() =>
        Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet";
}
