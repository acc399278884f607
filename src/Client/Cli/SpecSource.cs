using System.Text;
using Slowrun.Core;
using Slowrun.Core.Presets;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Client.Cli;

/// <summary>Turns what the user calls SPEC into a spec: a preset's name, or a file.</summary>
internal static class SpecSource
{
    // Some times what a spec may have in characters.
    private const int LongestBytes = 1 << 20;

    /// <exception cref="CliException">Neither a preset nor a file.</exception>
    /// <exception cref="SpecException">It is wrong; with every problem.</exception>
    public static RunSpec Read(string spec, SpecOverrides overrides) => Resolve(spec, overrides).Spec;

    /// <summary>As <see cref="Read"/>, with the comments it was written with.</summary>
    public static ResolvedSpec Resolve(string spec, SpecOverrides overrides) =>
        TryResolve(spec, overrides)
        ?? throw new CliException(
            ExitCode.NoSuchThing,
            $"'{spec}' is neither a file nor a preset.{Nearest.Hint(spec, PresetFiles.Names)} Presets are: {string.Join(", ", PresetFiles.Names)}."
        );

    /// <returns>Null where it is neither a preset nor a file.</returns>
    public static ResolvedSpec? TryResolve(string spec, SpecOverrides overrides) =>
        PresetFiles.Names.Contains(spec) ? SpecReader.ResolvePreset(spec, overrides)
        : File.Exists(spec) ? SpecReader.ResolveText(Text(spec), spec, overrides)
        : null;

    private static string Text(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            // A pipe or a device has no length; it is read no further than a spec may go.
            var content = new byte[LongestBytes + 1];
            var length = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            return length > LongestBytes
                ? throw Problem(path, $"the file is larger than the {LongestBytes:N0} bytes that a spec may have.")
                : new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true)
                    .GetString(content, 0, length)
                    .TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException)
        {
            throw Problem(path, "this is not UTF-8 text; a spec is YAML or JSON.");
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw new CliException(
                ExitCode.Usage,
                $"The spec '{path}' cannot be read: it may be a device, or belong to another user. Give a file that you can read.",
                e
            );
        }
    }

    private static SpecException Problem(string path, string message) => new([new SpecProblem(path, 0, 0, "", message)]);
}
