using System.Buffers;
using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Slowrun.Client.Results.Transformers;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Presets;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Tensors;
using Slowrun.Data.Tokenizers;
using Slowrun.Storage.Safetensors;
using Slowrun.Tests.Transformers;
using Slowrun.Training.Models;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Gpu;

/// <summary>
/// Folders as <c>slowrun export --format hf</c> makes them: a small model with each preset's options, and an ensemble of the first two.
/// Beside them what bench/gpu/transformers_check.py holds the library to: the engine's logits on a processor, and tokens of a text.
/// </summary>
internal static class TransformersPart
{
    private const string Text = "Returns the größte value.\n\t<param name=\"x\">  Ω ≈ 3</param> 🙂 it's 2026, isn't it?\r\n";

    private static readonly double[] Shares = [0.25, 0.75];

    public static int Write(string folder)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var models = PresetFiles.Names.Select((preset, index) => (Folder: preset, Logits: Model(folder, preset, index + 1))).ToList();
        var mixed = Ensemble(folder, [.. models.Take(Shares.Length).Select(model => model.Folder)]);
        var probabilities = models.Take(Shares.Length).Select((model, i) => Shares[i] * model.Logits.to(float64).softmax(-1));
        models.Add((mixed, probabilities.Aggregate((sum, next) => sum + next).log().to(float32)));
        var expected = new JsonObject
        {
            ["tokens"] = JsonSerializer.SerializeToNode(SmallModels.Tokens(Small(PresetFiles.Names[0]).Model)),
            ["models"] = new JsonArray(
                [
                    .. models.Select(model => new JsonObject
                    {
                        ["folder"] = model.Folder,
                        ["logits"] = JsonSerializer.SerializeToNode(model.Logits.data<float>().ToArray()),
                    }),
                ]
            ),
            ["text"] = Text,
            ["tokenizers"] = new JsonArray([.. TextTokenizer.Names.Select(name => Tokenizer(folder, TextTokenizer.Find(name)!))]),
        };
        File.WriteAllText(Path.Combine(folder, "expected.json"), expected.ToJsonString());
        return 0;
    }

    /// <returns>[T, V].</returns>
    private static Tensor Model(string folder, string preset, int seed)
    {
        var plan = Small(preset);
        var into = Directory.CreateDirectory(Path.Combine(folder, preset)).FullName;
        var weights = SmallModels.Weights(plan.Model, seed);
        using (var file = File.Create(Path.Combine(into, "model.safetensors")))
        using (var tensors = SafetensorsWriter.OpenRead(weights))
        {
            SafetensorsCopy.WriteAsync(tensors, tensors.Length, preset, file, ElementType.F32, model: "").GetAwaiter().GetResult();
        }

        File.WriteAllText(Path.Combine(into, "config.json"), TransformersConfig.Of(plan.Model, plan.Stage, documentStart: 0).Json());
        Code(into);
        return Logits(plan, weights);
    }

    private static string Ensemble(string folder, IReadOnlyList<string> models)
    {
        // Members lie in folders below the ensemble's.
        var into = Directory.CreateDirectory(Path.Combine(folder, "ensemble")).FullName;
        foreach (var model in models)
        {
            var member = Directory.CreateDirectory(Path.Combine(into, model)).FullName;
            foreach (var file in Directory.EnumerateFiles(Path.Combine(folder, model)))
            {
                File.Copy(file, Path.Combine(member, Path.GetFileName(file)), overwrite: true);
            }
        }

        var config = TransformersEnsembleConfig.Of(
            Small(models[0]).Model,
            documentStart: 0,
            EnsembleAverage.Probabilities,
            [.. models.Select((model, i) => new TransformersMember(model, Shares[i]))]
        );
        File.WriteAllText(Path.Combine(into, "config.json"), TransformersConfig.Json(config));
        Code(into);
        return "ensemble";
    }

    private static JsonObject Tokenizer(string folder, TextTokenizer tokenizer)
    {
        var name = $"tokenizer-{tokenizer.Name}";
        var into = Directory.CreateDirectory(Path.Combine(folder, name)).FullName;
        foreach (var (file, content) in TokenizerFiles.Of(tokenizer, positions: 1024))
        {
            File.WriteAllText(Path.Combine(into, file), content);
        }

        var ids = new ArrayBufferWriter<ushort>();
        tokenizer.NewEncoder().Encode(Encoding.UTF8.GetBytes(Text), ids);
        return new JsonObject { ["folder"] = name, ["ids"] = JsonSerializer.SerializeToNode(ids.WrittenSpan.ToArray()) };
    }

    private static void Code(string into)
    {
        foreach (var name in (string[])[TransformersCode.ConfigurationFile, TransformersCode.ModelFile])
        {
            using var source = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!;
            using var file = File.Create(Path.Combine(into, name));
            source.CopyTo(file);
        }
    }

    private static StagePlan Small(string preset) => SmallModels.Of(SpecReader.FromPreset(preset).Recipe);

    private static Tensor Logits(StagePlan plan, IReadOnlyList<TensorData> weights)
    {
        var table = ParameterTable.Of(plan.Model);
        using var parameters = new FlatParameters(ParameterGroups.Layout(table, ParameterGroups.Of(table, plan.Stage.Optimizer)), CPU);
        parameters.Load(weights);
        using var source = new ParameterSource(parameters, null);
        using var gpt = new Gpt(plan.Model, CPU);
        var given = GptWeights.Of(plan.Model, source);
        var tokens = tensor(SmallModels.Tokens(plan.Model), [1, plan.Model.SequenceLength], ScalarType.Int64);
        return gpt.Logits(given, gpt.Hidden(given, tokens, StepSettings.Finished(plan.Model, plan.Stage))).contiguous();
    }
}
