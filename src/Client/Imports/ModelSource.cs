using System.Text.Json;
using System.Text.Json.Nodes;
using Slowrun.Client.Cli;
using Slowrun.Client.Results;
using Slowrun.Core;
using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Safetensors;

namespace Slowrun.Client.Imports;

/// <summary>Weights that can be imported: a file, or one of those in a folder that describes them.</summary>
/// <param name="Files">Together they hold the model: one, or the pieces that transformers cuts a large one into.</param>
/// <param name="Said">What the folder says of the model; null: nothing that tells how it is passed.</param>
/// <param name="DataSha256">Of the data that it was trained on; null: not told.</param>
internal sealed record ModelSource(IReadOnlyList<string> Files, PassedModel? Said, string? DataSha256)
{
    private const string Config = "config.json";
    private const string Weights = "model.safetensors";
    private const string Pieces = "model.safetensors.index.json";

    /// <summary>The first file, for messages.</summary>
    public string Path => Files[0];

    /// <param name="path">A file of weights; or a folder that <c>slowrun export</c> or transformers has written.</param>
    /// <exception cref="CliException">There is no such file.</exception>
    /// <exception cref="NotFoundException">The folder describes no model.</exception>
    /// <exception cref="InvalidRequestException">The folder is of another kind.</exception>
    public static IReadOnlyList<ModelSource> Of(string path)
    {
        if (!Directory.Exists(path))
        {
            InputPaths.CheckFile(path, "import");
            return [new([path], null, null)];
        }

        var config = ReadConfig(path);
        return (string?)config["model_type"] switch
        {
            "slowrun" => [OfTransformers(path, config)],
            "slowrun_ensemble" => [.. Members(path, config).Select(folder => OfTransformers(folder, ReadConfig(folder)))],
            _ when (string?)config["format"] == ExportConfig.FormatName => OfExport(path),
            var other => throw new InvalidRequestException(
                $"'{System.IO.Path.Combine(path, Config)}' describes {(other is null ? "no model that is known here" : $"a model of type '{other}'")}; expected is a folder that 'slowrun export' has written. "
                    + "Of another program's weights of the same architecture, name the file, with --spec."
            ),
        };
    }

    /// <summary>Reads all tensors, as they are.</summary>
    /// <exception cref="InvalidRequestException">A file is none of weights, or damaged.</exception>
    public async Task<IReadOnlyList<TensorData>> ReadAsync(CancellationToken stop)
    {
        var tensors = new List<TensorData>();
        foreach (var file in Files)
        {
            tensors.AddRange(await ReadFileAsync(file, stop));
        }

        return tensors;
    }

    private static async Task<IReadOnlyList<TensorData>> ReadFileAsync(string file, CancellationToken stop)
    {
        await using var content = File.OpenRead(file);
        var begin = new byte[4];
        var length = await content.ReadAtLeastAsync(begin, begin.Length, throwOnEndOfStream: false, stop);
        if (TorchFile.IsArchive(begin.AsSpan(0, length)))
        {
            return await TorchFile.ReadAsync(file, stop);
        }

        content.Position = 0;
        try
        {
            return await SafetensorsReader.ReadAsync(content, content.Length, file, cancellationToken: stop);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidRequestException($"{e.Message} Expected is a safetensors file, or what torch.save writes since torch 1.6.", e);
        }
    }

    private static ModelSource OfTransformers(string folder, JsonNode config)
    {
        var origin = config["slowrun"];
        PassedModel? said = origin?["recipe"] is { } recipe
            ? CanonicalJson.Deserialize<PassedModel>(CanonicalJson.Serialize(recipe), System.IO.Path.Combine(folder, Config))
            : null;
        return new ModelSource(FilesOf(folder), said, (string?)origin?["data_sha256"]);
    }

    private static IReadOnlyList<string> FilesOf(string folder)
    {
        var index = System.IO.Path.Combine(folder, Pieces);
        if (!File.Exists(index))
        {
            var file = System.IO.Path.Combine(folder, Weights);
            InputPaths.CheckFile(file, "import");
            return [file];
        }

        var map = Parse(index)["weight_map"] as JsonObject;
        string[] files = [.. (map ?? []).Select(entry => (string?)entry.Value ?? "").Distinct().Order(StringComparer.Ordinal)];
        if (files.Length == 0 || files.Any(file => System.IO.Path.GetFileName(file) != file || file.Length == 0))
        {
            throw new InvalidRequestException($"'{index}' names no files beside it that hold the weights.");
        }

        return [.. files.Select(file => System.IO.Path.Combine(folder, file))];
    }

    private static IEnumerable<string> Members(string folder, JsonNode config)
    {
        var names = (config["members"] as JsonArray ?? []).Select(member => (string?)member?["folder"] ?? "").ToList();
        return names.Count > 0 && names.All(name => name.Length > 0 && System.IO.Path.GetFileName(name) == name)
            ? names.Select(name => System.IO.Path.Combine(folder, name))
            : throw new InvalidRequestException($"'{System.IO.Path.Combine(folder, Config)}' names no members in folders beside it.");
    }

    private static IReadOnlyList<ModelSource> OfExport(string folder)
    {
        var path = System.IO.Path.Combine(folder, Config);
        var config = CanonicalJson.Deserialize<ExportConfig>(File.ReadAllBytes(path), path);
        return
        [
            .. config.Files.Select(file => new ModelSource(
                [System.IO.Path.Combine(folder, System.IO.Path.GetFileName(file.File))],
                new PassedModel(config.Model, file.Loop, file.Recurrences > 0 ? new RecurrenceRecipe { Passes = file.Recurrences } : null),
                null
            )),
        ];
    }

    private static JsonNode ReadConfig(string folder)
    {
        var path = System.IO.Path.Combine(folder, Config);
        return File.Exists(path)
            ? Parse(path)
            : throw new NotFoundException(
                $"import: the folder '{folder}' has no {Config}; expected is one that 'slowrun export' has written, or a file of weights."
            );
    }

    private static JsonObject Parse(string path)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllBytes(path)) as JsonObject
                ?? throw new InvalidRequestException($"'{path}' is no JSON object.");
        }
        catch (JsonException e)
        {
            throw new InvalidRequestException($"'{path}' is no JSON: {e.Message}", e);
        }
    }
}
