using System.IO.Enumeration;
using Slowrun.Core;

namespace Slowrun.Data.Inputs;

/// <summary>Finds the files that a command line names.</summary>
public static class InputFiles
{
    private static readonly Dictionary<string, InputFormat> Extensions = new(StringComparer.OrdinalIgnoreCase)
    {
        [".txt"] = InputFormat.Text,
        [".text"] = InputFormat.Text,
        [".md"] = InputFormat.Text,
        [".jsonl"] = InputFormat.Jsonl,
        [".ndjson"] = InputFormat.Jsonl,
        [".parquet"] = InputFormat.Parquet,
        [".bin"] = InputFormat.Bin,
    };

    /// <param name="inputs">Paths, patterns with * and ?, and - for standard input.</param>
    /// <param name="format">Null: as each file's name says.</param>
    /// <returns>Each file once, in ordinal order of its full path: the order in which a shell names them does not matter.</returns>
    /// <exception cref="NotFoundException">There is none.</exception>
    /// <exception cref="InvalidRequestException">It is not known what is in one, or standard input is not the only one.</exception>
    public static IReadOnlyList<InputFile> Find(IReadOnlyList<string> inputs, InputFormat? format)
    {
        if (inputs.Contains(InputFile.StandardInput))
        {
            return inputs.Count > 1
                ? throw new InvalidRequestException(
                    "'-' is standard input, and the only --input where it is given. Give files alone, or '-' alone."
                )
                :
                [
                    new InputFile(
                        InputFile.StandardInput,
                        format
                            ?? throw new InvalidRequestException(
                                $"Standard input has no name to tell its format by. Give --format {FormatNames}."
                            )
                    ),
                ];
        }

        var files = inputs.SelectMany(Matching).DistinctBy(Path.GetFullPath).OrderBy(Path.GetFullPath, StringComparer.Ordinal);
        return [.. files.Select(file => new InputFile(file, format ?? FormatOf(file)))];
    }

    private static string FormatNames => string.Join("|", Enum.GetNames<InputFormat>().Select(name => name.ToLowerInvariant()));

    private static InputFormat FormatOf(string file)
    {
        var name = Path.GetExtension(file).ToLowerInvariant() is ".gz" or ".zst" ? Path.GetFileNameWithoutExtension(file) : file;
        return Extensions.TryGetValue(Path.GetExtension(name), out var format)
            ? format
            : throw new InvalidRequestException(
                $"'{file}' does not say by its name what it holds; known are {string.Join(", ", Extensions.Keys)}, and .gz or .zst of these. Give --format {FormatNames}."
            );
    }

    private static IEnumerable<string> Matching(string input)
    {
        if (File.Exists(input))
        {
            return [input];
        }

        if (Directory.Exists(input))
        {
            throw new InvalidRequestException(
                $"'{input}' is a directory. Name the files in it, for example with '{Path.Combine(input, "*.parquet")}'."
            );
        }

        var found =
            input.Contains('*', StringComparison.Ordinal) || input.Contains('?', StringComparison.Ordinal)
                ? Expanded(Path.IsPathRooted(input) ? "/" : "", input.Split('/', StringSplitOptions.RemoveEmptyEntries)).ToList()
                : [];
        return found.Count > 0 ? found : throw new NotFoundException($"There is no file '{input}'.");
    }

    private static IEnumerable<string> Expanded(string folder, ReadOnlySpan<string> segments)
    {
        var (segment, rest) = (segments[0], segments[1..].ToArray());
        var isPattern = segment.Contains('*', StringComparison.Ordinal) || segment.Contains('?', StringComparison.Ordinal);
        var inside = folder.Length == 0 ? "." : folder;
        if (!Directory.Exists(inside))
        {
            return [];
        }

        // As in a shell, a pattern does not mean hidden files.
        var found = !isPattern
            ? [Path.Combine(folder, segment)]
            : Directory
                .EnumerateFileSystemEntries(inside)
                .Select(Path.GetFileName)
                .OfType<string>()
                .Where(name =>
                    FileSystemName.MatchesSimpleExpression(segment, name, ignoreCase: false) && (name[0] != '.' || segment[0] == '.')
                )
                .Select(name => Path.Combine(folder, name))
                .ToList();
        return rest.Length == 0 ? found.Where(File.Exists) : found.SelectMany(next => Expanded(next, rest));
    }
}
