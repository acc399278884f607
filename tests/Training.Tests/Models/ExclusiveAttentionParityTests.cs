using Slowrun.Core.Recipes;
using Slowrun.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Models;

/// <summary>Fixture C: exclusive self-attention, alone and in the whole attention module, with half RoPE and key offset.</summary>
public sealed class ExclusiveAttentionParityTests
{
    public static TheoryData<string, bool> Cases()
    {
        var data = new TheoryData<string, bool>();
        foreach (var (name, json) in FixtureSet.Json("C_xsa")["cases"]!.AsObject())
        {
            data.Add(name, true);
            if (json!["grads_off"] is not null)
            {
                data.Add(name, false);
            }
        }

        return data;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Exclusive_OnUpstreamsInput_GivesUpstreamsOutput(bool learnable)
    {
        using var scope = NewDisposeScope();
        var io = FixtureSet.Tensors("C_xsa");

        var output = CausalSelfAttention.Exclusive(io["fn.y"].Torch(), io["fn.v"].Torch(), learnable ? io["fn.alpha_raw"].Torch() : null);

        Close.Max(io[learnable ? "fn.out_learnable" : "fn.out_fixed"].Torch(), output, 1e-5, "output");
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Forward_OfTheWholeModule_GivesUpstreamsOutputAndGradients(string name, bool xsa)
    {
        using var scope = NewDisposeScope();
        var json = FixtureSet.Json("C_xsa");
        var expected = json["cases"]![name]!;
        var io = FixtureSet.Tensors("C_xsa");
        var (heads, width) = ((int)json["n_head"]!, (int)json["n_embd"]!);
        var model = new ModelRecipe
        {
            Heads = heads,
            Width = width,
            SequenceLength = (int)json["T"]!,
            Layers = (int)json["n_layer"]!,
        };
        using var rotary = new RotaryTable(io[$"{name}.rope_cos"].Torch(), io[$"{name}.rope_sin"].Torch());
        using var masks = new WindowMasks(CPU, ScalarType.Float32);
        var prefix = $"{name}.w.";
        var weights = io.Where(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(entry => entry.Key[prefix.Length..], entry => entry.Value.Torch().requires_grad_(true));
        var x = io[$"{name}.x"].Torch().requires_grad_(true);
        var alpha =
            name.StartsWith("learnable", StringComparison.Ordinal) && xsa ? io[$"{name}.xsa_alpha"].Torch().requires_grad_(true) : null;
        var block = new BlockWeights
        {
            QueryKeyValue = cat([weights["c_q.weight"], weights["c_k.weight"], weights["c_v.weight"]]),
            AttentionOutput = weights["c_proj.weight"],
            AttentionGate = weights["attn_gate.weight"],
            ValueGate = weights.GetValueOrDefault("ve_gate.weight"),
            MlpInput = empty(0),
            MlpOutput = empty(0),
        };
        var value = io.TryGetValue($"{name}.ve", out var ve) ? ve.Torch().reshape(-1, width) : null;
        var layer = new AttentionLayer((int)expected["window"]![0]!, (bool?)expected["key_offset"] ?? false, xsa, new(0, rotary, null));

        var output = new CausalSelfAttention(model, masks, new ComposedOperations(model.Products))
            .Forward(x.reshape(-1, width), block, value, alpha, layer, x.shape[1])
            .reshape(x.shape);
        output.mul(io[$"{name}.grad_out"].Torch()).sum().backward();

        var state = xsa ? "on" : "off";
        Close.Max(io[$"{name}.{state}.out"].Torch(), output, 1e-5, "output");
        Close.RelativeL2(io[$"{name}.{state}.grad_x"].Torch(), x.grad!, 1e-5, "gradient of x");
        foreach (var (parameter, fingerprint) in expected[$"grads_{state}"]!.AsObject())
        {
            Close.Fingerprint(fingerprint!, weights[parameter].grad!, 1e-5, parameter);
        }

        if (alpha is not null)
        {
            Close.RelativeL2(io[$"{name}.on.grad_xsa_alpha"].Torch(), alpha.grad!, 1e-5, "gradient of alpha");
        }
    }

    [Fact]
    public void RotaryTable_OfTheHalfKind_IsUpstreams()
    {
        using var scope = NewDisposeScope();
        var json = FixtureSet.Json("C_xsa");
        var io = FixtureSet.Tensors("C_xsa");
        var model = new ModelRecipe
        {
            Heads = (int)json["n_head"]!,
            Width = (int)json["n_embd"]!,
            SequenceLength = (int)json["T"]!,
            HalfRope = true,
        };
        using var ours = RotaryTable.Of(model, CPU);
        using var theirs = new RotaryTable(io["learnable.layer0.rope_cos"].Torch(), io["learnable.layer0.rope_sin"].Torch());
        var heads = randn(1, model.SequenceLength, 2, model.Width / model.Heads);

        // Upstream stores these tables in bfloat16; the fixture may hold either.
        var worst = ours.Turn(heads).sub(theirs.Turn(heads)).abs().max().ToDouble();
        Assert.True(worst < 2e-2, $"off by {worst}");
    }
}
