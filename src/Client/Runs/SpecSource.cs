using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Presets;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Client.Runs;

/// <summary>Turns what the user calls SPEC into a spec: a preset's name, or a file.</summary>
internal static class SpecSource
{
    /// <exception cref="CliException">Neither a preset nor a file.</exception>
    /// <exception cref="SpecException">It is wrong; with every problem.</exception>
    public static RunSpec Read(string spec, SpecOverrides overrides)
    {
        if (PresetFiles.Names.Contains(spec))
        {
            return SpecReader.FromPreset(spec, overrides);
        }

        if (!File.Exists(spec))
        {
            throw new CliException(
                ExitCode.NoSuchThing,
                $"'{spec}' is neither a file nor a preset.{Nearest.Hint(spec, PresetFiles.Names)} Presets are: {string.Join(", ", PresetFiles.Names)}.");
        }

        return SpecReader.FromText(File.ReadAllText(spec), spec, overrides);
    }
}
