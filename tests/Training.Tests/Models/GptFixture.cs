using System.Text.Json.Nodes;
using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Distillation;
using Slowrun.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Models;

/// <summary>A fixture's weights as gradient-taking leaves, its model recipe and its losses, for forward and backward passes.</summary>
internal sealed class GptFixture : IParameterSource
{
    private readonly ScalarType type;
    private readonly OrderedDictionary<string, Tensor> parameters = [];

    public GptFixture(JsonObject config, string weights, ScalarType type = ScalarType.Float32, double softcap = 15)
    {
        this.type = type;
        foreach (var (name, data) in FixtureSet.Tensors(weights))
        {
            parameters.Add(name, data.Torch().to(type).requires_grad_(true));
        }

        Model = new ModelRecipe
        {
            SequenceLength = (int)config["sequence_len"]!,
            VocabSize = (int)config["vocab_size"]!,
            Layers = (int)config["n_layer"]!,
            Heads = (int)config["n_head"]!,
            Width = (int)config["n_embd"]!,
            WindowPattern = (string)config["window_pattern"]!,
            HeadMixing = (bool?)config["use_iha"] ?? parameters.ContainsKey("transformer.h.0.attn.q_mix"),
            MtpBlock = parameters.ContainsKey("mtp_proj.weight"),
            Softcap = softcap,
        };
        Weights = GptWeights.Of(Model, this);
    }

    public ModelRecipe Model { get; }

    public GptWeights Weights { get; }

    public IEnumerable<KeyValuePair<string, Tensor>> Parameters => parameters;

    public Gpt Gpt(Tensor cos, Tensor sin) => new(Model, new RotaryPhases(new RotaryTable(cos.to(type), sin.to(type))), CPU, type);

    public ForwardPass Pass(LoopRecipe? loop) => new() { Loop = loop, Windows = AttentionWindows.Of(Model) };

    public static LoopRecipe? Loop(JsonNode? dupe, int replays = 4) =>
        dupe is JsonArray range
            ? new LoopRecipe
            {
                Start = (int)range[0]!,
                End = (int)range[1]!,
                Replays = replays,
            }
            : null;

    /// <summary>Mean cross-entropy of the logits over the targets that count.</summary>
    public static Tensor CrossEntropy(Tensor logits, Tensor targets, double labelSmoothing = 0)
    {
        var valid = targets.ne(TrainingLoss.Ignored).sum().ToInt64();
        return TrainingLoss
            .CrossEntropySum(nn.functional.log_softmax(logits, -1), targets.reshape(-1), labelSmoothing, hasIgnored: true)
            .div((double)valid);
    }

    /// <summary>The multi-token block's mean cross-entropy.</summary>
    public Tensor MtpLoss(Gpt gpt, Tensor hidden, Tensor targets, ForwardPass pass)
    {
        var further = gpt.Logits(Weights, gpt.FurtherHidden(Weights, hidden, targets, pass));
        return CrossEntropy(further, targets.narrow(1, 1, targets.shape[1] - 1));
    }

    public void AssertMatchesTable()
    {
        var table = ParameterTable.Of(Model);
        Assert.Equal(parameters.Select(p => p.Key), table.Select(p => p.Name));
        Assert.All(table, p => Assert.Equal(parameters[p.Name].shape, p.Shape));
    }

    public Tensor Of(string name) => parameters[name];

    public Tensor Rows(params ReadOnlySpan<string> names) => cat([.. names.ToArray().Select(name => parameters[name])]);

    public Tensor Head(string name, long rows) => parameters[name].narrow(0, 0, rows);
}
