using System.Text.Json;
using System.Text.Json.Nodes;
using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Tensors;
using Slowrun.Core.Tokens;
using Slowrun.Storage;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Results;

/// <summary>A folder of exported weights, and the file that says what they are.</summary>
internal sealed class ExportFolder(ClientContext context, IObjectStore store, RunFacts facts, string folder, ElementType type)
{
    private const string ConfigName = "config.json";
    private const string EnsembleName = "ensemble.json";

    private string ConfigPath => Path.Combine(folder, ConfigName);

    /// <summary>Writes finished stages' weights, and reports each.</summary>
    /// <exception cref="InvalidRequestException">The folder holds another run's export.</exception>
    /// <exception cref="InvalidDataException">A snapshot is damaged.</exception>
    public async Task<ExportConfig> WriteAsync(IReadOnlyList<StageId> stages, CancellationToken stop)
    {
        var manifest = await new StoredTokenSets(store).ReadManifestAsync(facts.Spec.Recipe.Data.Sha256!, stop);
        Directory.CreateDirectory(folder);
        var before = Before(manifest);
        var files = new List<ExportedFile>();
        foreach (var id in stages)
        {
            var path = Path.Combine(folder, FileName(id));
            var file = await WeightFile.WriteAsync(store, facts.RootOf(id).Snapshot!, path, type, stop);
            files.Add(ExportedFile.Of(facts, id, file));
            await context.Output.WriteLineAsync($"{file.Path}  {Human.Bytes(file.LengthBytes)}  sha256 {file.Sha256}");
        }

        var kept = before.Where(old => files.All(file => file.File != old.File) && File.Exists(Path.Combine(folder, old.File)));
        var config = ExportConfig.Of(facts, manifest, type, files);
        await SaveAsync(
            ConfigPath,
            config with
            {
                Files = [.. files.Concat(kept).OrderBy(file => file.File, StringComparer.Ordinal)],
            },
            stop
        );
        return config;
    }

    public Task WriteEnsembleAsync(EnsembleConfig ensemble, CancellationToken stop) =>
        SaveAsync(Path.Combine(folder, EnsembleName), ensemble, stop);

    private static string FileName(StageId id) => $"{id.ToString().Replace('/', '-')}.safetensors";

    /// <summary>Files of an earlier export of the same run into this folder: the new description still lists them.</summary>
    private IReadOnlyList<ExportedFile> Before(DataManifest manifest)
    {
        if (!File.Exists(ConfigPath))
        {
            return [];
        }

        var mine = ExportConfig.Of(facts, manifest, type, []);
        var there = TryRead();
        if (there is null || there.Run != mine.Run || there.RecipeSha256 != mine.RecipeSha256 || there.Dtype != type)
        {
            var what = there is null ? "of something else" : $"of run '{there.Run}', recipe {there.RecipeSha256[..8]}, in {there.Dtype}";
            throw new InvalidRequestException(
                $"'{ConfigPath}' is {what}; this export is of run '{mine.Run}', recipe {mine.RecipeSha256[..8]}, in {type}. Name another folder, or empty this one."
            );
        }

        return there.Files;
    }

    private ExportConfig? TryRead()
    {
        try
        {
            var json = File.ReadAllBytes(ConfigPath);
            return JsonNode.Parse(json)?["format"]?.GetValue<string>() == ExportConfig.FormatName
                ? CanonicalJson.Deserialize<ExportConfig>(json, ConfigPath)
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or InvalidOperationException)
        {
            return null;
        }
    }

    private static async Task SaveAsync<T>(string path, T value, CancellationToken stop)
    {
        var temporary = $"{path}.part";
        await File.WriteAllTextAsync(temporary, Json.Text(value) + "\n", stop);
        File.Move(temporary, path, overwrite: true);
    }
}
