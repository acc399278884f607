using System.Text.Json.Serialization;

namespace Slowrun.Core.Models;

/// <summary>The <c>auto_map</c> of a config.json: which classes of the files beside it transformers builds.</summary>
public sealed record TransformersCode
{
    public const string ConfigurationFile = "configuration_slowrun.py",
        ModelFile = "modeling_slowrun.py";

    public TransformersCode(string configuration, string model)
    {
        AutoConfig = $"{Path.GetFileNameWithoutExtension(ConfigurationFile)}.{configuration}";
        AutoModelForCausalLM = $"{Path.GetFileNameWithoutExtension(ModelFile)}.{model}";
    }

    [JsonPropertyName("AutoConfig")]
    public string AutoConfig { get; }

    [JsonPropertyName("AutoModelForCausalLM")]
    public string AutoModelForCausalLM { get; }
}
