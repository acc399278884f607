using System.Text;
using System.Text.Json;
using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Simulation;

namespace Slowrun.Client.Runs;

/// <summary>What <c>slowrun chaos -o json</c> wrote.</summary>
internal static class RecordedFile
{
    private const string Member = "recorded";

    /// <exception cref="NotFoundException">There is no such file.</exception>
    /// <exception cref="CliException">It is a directory, or cannot be read.</exception>
    /// <exception cref="InvalidRequestException">The file is none of chaos, or its run cannot be simulated.</exception>
    public static async Task<RecordedRun> ReadAsync(string file, CancellationToken stop)
    {
        if (!Path.Exists(file))
        {
            throw new NotFoundException($"--replay: there is no file '{file}'. 'slowrun chaos SPEC -o json > {file}' makes one.");
        }

        InputPaths.CheckFile(file, "--replay");

        try
        {
            using var json = JsonDocument.Parse(await File.ReadAllBytesAsync(file, stop));
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty(Member, out var recorded))
            {
                throw new InvalidRequestException(
                    $"--replay: '{file}' has no member '{Member}'; expected what 'slowrun chaos SPEC -o json' of this version writes."
                );
            }

            return recorded.ValueKind == JsonValueKind.Null
                ? throw new InvalidRequestException(
                    $"--replay: the run of '{file}' cannot be simulated: all its machines were lost at once, or its objects were damaged. Record one without the modes cluster and damage."
                )
                : CanonicalJson.Deserialize<RecordedRun>(Encoding.UTF8.GetBytes(recorded.GetRawText()), file);
        }
        catch (Exception e) when (e is JsonException or InvalidDataException)
        {
            throw new InvalidRequestException($"--replay: '{file}' cannot be read: {e.Message}", e);
        }
    }
}
