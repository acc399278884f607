using System.Runtime.InteropServices;
using System.Text.Json;
using Slowrun.Core.Tensors;

namespace Slowrun.Tests.Transformers;

/// <summary>
/// The forward pass of <c>modeling_slowrun.py</c> in plain loops and double precision: function for function and line for line, from
/// nothing but an exported config.json and safetensors. What holds here for the engine's logits holds for Python's as far as the two read
/// alike.
/// </summary>
internal sealed class TransformersForward(JsonElement config, IReadOnlyList<TensorData> tensors)
{
    private readonly Dictionary<string, double[]> weights = tensors.ToDictionary(tensor => tensor.Name, Values);
    private readonly int vocabulary = config.GetProperty("vocab_size").GetInt32();
    private readonly int padded = config.GetProperty("padded_vocab_size").GetInt32();
    private readonly int width = config.GetProperty("hidden_size").GetInt32();
    private readonly int hidden = config.GetProperty("intermediate_size").GetInt32();
    private readonly int layers = config.GetProperty("num_hidden_layers").GetInt32();
    private readonly int heads = config.GetProperty("num_attention_heads").GetInt32();
    private readonly double eps = config.GetProperty("rms_norm_eps").GetDouble();
    private readonly double softcap = config.GetProperty("softcap").GetDouble();
    private readonly int[] order = Numbers(config, "layer_order");
    private readonly int recurrent = config.GetProperty("recurrent_passes").GetInt32();
    private readonly int[] windows = Numbers(config, "attention_windows");
    private readonly int attentionGateChannels = config.GetProperty("attention_gate_channels").GetInt32();
    private readonly int[] valueEmbeddingLayers = Numbers(config, "value_embedding_layers");
    private readonly int valueGateChannels = config.GetProperty("value_gate_channels").GetInt32();
    private readonly int[] keyOffsetLayers = Numbers(config, "key_offset_layers");
    private readonly int[] xsaLayers = Numbers(config, "xsa_layers");
    private readonly bool learnt = config.GetProperty("xsa_strength").GetString() == "learnable";
    private readonly string[] mixed = [.. config.GetProperty("mixed_heads").EnumerateArray().Select(name => name.GetString()!)];
    private readonly double rotaryBase = config.GetProperty("rotary_base").GetDouble();
    private readonly int rotaryPairs = config.GetProperty("rotary_pairs").GetInt32();
    private readonly double[]? rotaryFrequencies = config.GetProperty("rotary_frequencies") is { ValueKind: JsonValueKind.Array } given
        ? [.. given.EnumerateArray().Select(frequency => frequency.GetDouble())]
        : null;
    private readonly double scoreScale = config.GetProperty("score_scale").GetDouble();
    private readonly bool roundedTables = config.GetProperty("rotary_dtype").GetString() == "bfloat16";
    private readonly bool rounded = config.GetProperty("product_dtype").GetString() == "bfloat16";
    private readonly int sharedAttentions = config.TryGetProperty("shared_attentions", out var shared) ? shared.GetInt32() : 0;
    private readonly bool transposed = config.GetProperty("transposed_unembedding").GetBoolean();

    private int HeadWidth => width / heads;

    /// <returns>[T][V].</returns>
    public double[][] Logits(ReadOnlySpan<int> tokens)
    {
        var weight = weights["lm_head.weight"];
        if (transposed)
        {
            var rows = new double[weight.Length];
            for (var v = 0; v < padded; v++)
            {
                for (var c = 0; c < width; c++)
                {
                    rows[(v * width) + c] = weight[(c * padded) + v];
                }
            }

            weight = rows;
        }

        var z = Linear(Hidden(tokens), weight[..(vocabulary * width)], vocabulary);
        return [.. z.Select(row => row.Select(value => softcap * Math.Tanh(value / softcap)).ToArray())];
    }

    private double[][] Hidden(ReadOnlySpan<int> tokens)
    {
        var table = weights["transformer.wte.weight"];
        var x0 = new double[tokens.Length][];
        for (var t = 0; t < tokens.Length; t++)
        {
            x0[t] = RmsNorm([.. table[(tokens[t] * width)..((tokens[t] + 1) * width)].Select(Product)]);
        }

        var rotary = RotaryTables(tokens.Length);
        var x = x0;
        for (var pass = 1; pass < recurrent; pass++)
        {
            x = [.. Network(x, x0, rotary).Select(RmsNorm)];
        }

        x = Network(x, x0, rotary);
        if (recurrent > 0)
        {
            x = [.. x.Select(RmsNorm)];
        }

        return [.. x.Select(RmsNorm)];
    }

    private double[][] Network(double[][] x, double[][] x0, (double[][] Cos, double[][] Sin) rotary)
    {
        var half = layers / 2;
        var encoded = new double[half][][];
        foreach (var layer in order)
        {
            if (layer >= half)
            {
                x = Sum(x, encoded[layers - 1 - layer], weights["skip_weights"][layer - half]);
            }

            x = Sum(Sum(x, x, weights["resid_lambdas"][layer] - 1), x0, weights["x0_lambdas"][layer]);
            var value = valueEmbeddingLayers.Contains(layer) ? Linear(x0, weights[$"ve_projs.{layer}.weight"], width) : null;
            var alpha = learnt && xsaLayers.Contains(layer) ? weights["xsa_alphas"][(layer * heads)..((layer + 1) * heads)] : null;
            x =
                sharedAttentions == 0 ? Block(x, layer, value, alpha, rotary)
                : layer < half ? Layer(x, layer, value, rotary, "encoder")
                : Layer(x, layer, value, rotary, "decoder");
            if (layer < half)
            {
                encoded[layer] = x;
            }
        }

        return x;
    }

    private double[][] Block(double[][] x, int layer, double[][]? value, double[]? alpha, (double[][] Cos, double[][] Sin) rotary)
    {
        x = Sum(x, Attention([.. x.Select(RmsNorm)], layer, value, alpha, rotary), 1);
        return Sum(x, Mlp([.. x.Select(RmsNorm)], $"transformer.h.{layer}.mlp"), 1);
    }

    private double[][] Layer(double[][] x, int layer, double[][]? value, (double[][] Cos, double[][] Sin) rotary, string half)
    {
        var own = $"transformer.h.{layer}";
        for (var i = 0; i < sharedAttentions; i++)
        {
            var normed = Scaled([.. x.Select(RmsNorm)], $"{own}.attn_norms.{i}");
            var parts = new AttentionParts(
                $"{half}_attns.{i}",
                rows => Scaled(Normed(rows), $"{own}.q_norms.{i}"),
                rows => Scaled(Normed(rows), $"{own}.k_norms.{i}"),
                $"{own}.ve_gates.{i}.weight",
                $"{own}.attn_gates.{i}.weight"
            );
            x = Sum(x, Attention(normed, layer, value, null, rotary, parts), 1);
        }

        return Sum(x, Mlp(Scaled([.. x.Select(RmsNorm)], $"{own}.mlp_norm"), $"{half}_mlp"), 1);
    }

    /// <summary>With a norm's gain and bias; of heads, each head by itself.</summary>
    private double[][] Scaled(double[][] normed, string norm)
    {
        var (gain, bias) = (weights[$"{norm}.weight"], weights[$"{norm}.bias"]);
        return [.. normed.Select(row => row.Select((number, c) => (number * gain[c % gain.Length]) + bias[c % bias.Length]).ToArray())];
    }

    private double[][] Mlp(double[][] x, string prefix)
    {
        var gate = Linear(x, weights[$"{prefix}.c_gate.weight"], hidden);
        var fc = Linear(x, weights[$"{prefix}.c_fc.weight"], hidden);
        return Linear(
            [.. gate.Zip(fc, (g, f) => g.Zip(f, (a, b) => a / (1 + Math.Exp(-a)) * b).ToArray())],
            weights[$"{prefix}.c_proj.weight"],
            width
        );
    }

    private double[][] Attention(double[][] x, int layer, double[][]? value, double[]? alpha, (double[][] Cos, double[][] Sin) rotary)
    {
        var prefix = $"transformer.h.{layer}.attn";
        var parts = new AttentionParts(prefix, Normed, Normed, $"{prefix}.ve_gate.weight", $"{prefix}.attn_gate.weight");
        return Attention(x, layer, value, alpha, rotary, parts);
    }

    private double[][] Attention(
        double[][] x,
        int layer,
        double[][]? value,
        double[]? alpha,
        (double[][] Cos, double[][] Sin) rotary,
        AttentionParts parts
    )
    {
        var prefix = parts.Prefix;
        double[][] q =
        [
            .. parts.QueryNorm(Rotate(Project(x, prefix, "q"), rotary)).Select(row => row.Select(number => number * scoreScale).ToArray()),
        ];
        var k = parts.KeyNorm(Rotate(Project(x, prefix, "k"), rotary));
        var v = Project(x, prefix, "v");
        if (value is not null)
        {
            var open = Linear([.. x.Select(row => row[..valueGateChannels])], weights[parts.ValueGate], heads);
            v =
            [
                .. v.Select((row, t) => row.Select((number, c) => number + (2 * Sigmoid(open[t][c / HeadWidth]) * value[t][c])).ToArray()),
            ];
        }

        if (keyOffsetLayers.Contains(layer))
        {
            k = Shifted(k);
        }

        var y = Attend(q, k, v, windows[layer]);
        if (xsaLayers.Contains(layer))
        {
            y = Exclusive(y, v, alpha);
        }

        var gate = Linear([.. x.Select(row => row[..attentionGateChannels])], weights[parts.AttentionGate], heads);
        return Linear(
            [.. y.Select((row, t) => row.Select((number, c) => number * Sigmoid(gate[t][c / HeadWidth])).ToArray())],
            weights[$"{prefix}.c_proj.weight"],
            width
        );
    }

    private double[][] Project(double[][] x, string prefix, string name)
    {
        var weight = weights[$"{prefix}.c_{name}.weight"];
        if (mixed.Contains(name))
        {
            var (mix, size) = (weights[$"{prefix}.{name}_mix"], HeadWidth * width);
            var heads = this.heads;
            var plain = weight;
            weight =
            [
                .. Enumerable
                    .Range(0, weight.Length)
                    .Select(i => Enumerable.Range(0, heads).Sum(h => mix[(i / size * heads) + h] * plain[(h * size) + (i % size)])),
            ];
        }

        return Linear(x, weight, width);
    }

    /// <summary>softmax(q kᵀ / √d) v over the keys that a query sees: its own and as many before as the window has.</summary>
    private double[][] Attend(double[][] q, double[][] k, double[][] v, int window)
    {
        var result = new double[q.Length][];
        for (var i = 0; i < q.Length; i++)
        {
            result[i] = new double[width];
            for (var first = 0; first < width; first += HeadWidth)
            {
                var from = Math.Max(0, i - window);
                var scores = new double[i - from + 1];
                for (var j = from; j <= i; j++)
                {
                    for (var c = first; c < first + HeadWidth; c++)
                    {
                        scores[j - from] += Product(q[i][c]) * Product(k[j][c]);
                    }
                }

                var top = scores.Max();
                double[] shares = [.. scores.Select(score => Math.Exp((score - top) / Math.Sqrt(HeadWidth)))];
                var total = shares.Sum();
                for (var c = first; c < first + HeadWidth; c++)
                {
                    double sum = 0;
                    for (var j = from; j <= i; j++)
                    {
                        sum += shares[j - from] / total * Product(v[j][c]);
                    }

                    result[i][c] = Product(sum);
                }
            }
        }

        return result;
    }

    private double[][] Exclusive(double[][] y, double[][] v, double[]? alpha)
    {
        var floor = alpha is null ? 1e-12 : 1e-4;
        var result = y.Select(row => (double[])row.Clone()).ToArray();
        for (var t = 0; t < y.Length; t++)
        {
            for (var head = 0; head < heads; head++)
            {
                var channels = Enumerable.Range(head * HeadWidth, HeadWidth);
                var norm = Math.Max(floor, Math.Sqrt(channels.Sum(c => v[t][c] * v[t][c])));
                var along = channels.Sum(c => y[t][c] * v[t][c] / norm) * (alpha is null ? 1 : Math.Tanh(alpha[head]));
                foreach (var c in channels)
                {
                    result[t][c] -= v[t][c] / norm * along;
                }
            }
        }

        return result;
    }

    private double[][] Shifted(double[][] k)
    {
        var start = HeadWidth / 2;
        return [.. k.Select((row, t) => row.Select((number, c) => c % HeadWidth < start ? number : k[Math.Max(0, t - 1)][c]).ToArray())];
    }

    private double[][] Rotate(double[][] x, (double[][] Cos, double[][] Sin) rotary)
    {
        var half = HeadWidth / 2;
        return
        [
            .. x.Select(
                (row, t) =>
                    row.Select(
                            (number, c) =>
                            {
                                var (place, pair) = (c % HeadWidth, c % HeadWidth % half);
                                var (cos, sin) = (rotary.Cos[t][pair], rotary.Sin[t][pair]);
                                return place < half ? (number * cos) + (row[c + half] * sin) : (number * cos) - (row[c - half] * sin);
                            }
                        )
                        .ToArray()
            ),
        ];
    }

    private (double[][] Cos, double[][] Sin) RotaryTables(int length)
    {
        var frequencies = new float[HeadWidth / 2];
        for (var j = 0; j < rotaryPairs; j++)
        {
            frequencies[j] = 1 / (float)Math.Pow(rotaryBase, 2 * j / (2f * rotaryPairs));
        }

        frequencies = rotaryFrequencies is null ? frequencies : [.. rotaryFrequencies.Select(frequency => (float)frequency)];

        double[][] Table(Func<double, double> of) =>
            [.. Enumerable.Range(0, length).Select(t => frequencies.Select(f => Rounded((float)of(t * f), roundedTables)).ToArray())];
        return (Table(Math.Cos), Table(Math.Sin));
    }

    /// <summary>RMS norm of each head.</summary>
    private double[][] Normed(double[][] x) => [.. x.Select(row => row.Chunk(HeadWidth).SelectMany(RmsNorm).ToArray())];

    private double[] RmsNorm(double[] x)
    {
        var scale = 1 / Math.Sqrt((x.Sum(value => value * value) / x.Length) + eps);
        return [.. x.Select(value => value * scale)];
    }

    private double[][] Linear(double[][] x, double[] weight, int outputs)
    {
        var inputs = weight.Length / outputs;
        double[] matrix = [.. weight.Select(Product)];
        return
        [
            .. x.Select(row =>
            {
                double[] given = [.. row.Select(Product)];
                var result = new double[outputs];
                for (var o = 0; o < outputs; o++)
                {
                    double sum = 0;
                    for (var i = 0; i < inputs; i++)
                    {
                        sum += given[i] * matrix[(o * inputs) + i];
                    }

                    result[o] = Product(sum);
                }

                return result;
            }),
        ];
    }

    private static double[][] Sum(double[][] x, double[][] other, double factor) =>
        [.. x.Zip(other, (row, more) => row.Zip(more, (a, b) => a + (factor * b)).ToArray())];

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    /// <summary>As products read and give it.</summary>
    private double Product(double value) => Rounded((float)value, rounded);

    private static double Rounded(float value, bool bfloat16) =>
        bfloat16 ? BitConverter.UInt32BitsToSingle((uint)Bfloat16.Round(value) << 16) : value;

    private static int[] Numbers(JsonElement config, string field) =>
        [.. config.GetProperty(field).EnumerateArray().Select(number => number.GetInt32())];

    private static double[] Values(TensorData tensor) =>
        tensor.Type switch
        {
            ElementType.F32 => [.. MemoryMarshal.Cast<byte, float>(tensor.Bytes.Span).ToArray().Select(value => (double)value)],
            ElementType.BF16 =>
            [
                .. MemoryMarshal
                    .Cast<byte, ushort>(tensor.Bytes.Span)
                    .ToArray()
                    .Select(bits => (double)BitConverter.UInt32BitsToSingle((uint)bits << 16)),
            ],
            _ => throw new ArgumentException($"'{tensor.Name}' is of {tensor.Type}.", nameof(tensor)),
        };

    /// <summary>An attention's matrices by the prefix of their names; norms of queries and keys; names of gates.</summary>
    private sealed record AttentionParts(
        string Prefix,
        Func<double[][], double[][]> QueryNorm,
        Func<double[][], double[][]> KeyNorm,
        string ValueGate,
        string AttentionGate
    );
}
