using System.Text;
using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>
/// Fresh weights. Every parameter is a function of (seed, its name), so that none depends on which others a recipe has, and all of them
/// are drawn here rather than by libtorch, whose normal numbers differ between processors. Beside a device they are drawn on it, which
/// gives the same bytes (<see cref="DeviceDraw"/>).
/// </summary>
internal static class Initializer
{
    // Under it, starting threads takes longer than drawing.
    private const int NumbersOfAThread = 1 << 20;

    /// <param name="key">A function of the stage's seed.</param>
    /// <param name="onDevice">Whether they are drawn where the parameters lie, by operations on tensors; the bytes are the same.</param>
    public static void Fill(FlatParameters parameters, ModelRecipe model, ulong key, bool onDevice = false)
    {
        using var noGradient = no_grad();
        foreach (var place in parameters.Layout.Parameters)
        {
            using var scope = NewDisposeScope();
            var into = parameters[place.Name];
            if (!onDevice || !OnDevice(into, place.Spec, model, CounterRandom.Key(key, Hash(place.Name))))
            {
                into.copy_(tensor(OnHost(place.Spec, model, key)).view([.. place.Spec.Shape]));
            }
        }
    }

    /// <summary>One parameter, drawn by as many threads as there are cores.</summary>
    internal static float[] OnHost(ParameterSpec parameter, ModelRecipe model, ulong key)
    {
        var values = new float[parameter.Count];
        var threads = Math.Clamp(values.Length / NumbersOfAThread, 1, Environment.ProcessorCount);
        Fill(values, parameter, model, CounterRandom.Key(key, Hash(parameter.Name)), threads);
        if (parameter.Rounded)
        {
            foreach (ref var value in values.AsSpan())
            {
                value = BitConverter.UInt32BitsToSingle((uint)Bfloat16.Round(value) << 16);
            }
        }

        return values;
    }

    /// <returns>False: not drawn, and small.</returns>
    private static bool OnDevice(Tensor into, ParameterSpec parameter, ModelRecipe model, ulong key)
    {
        if (Deviation(parameter, model) is { } deviation)
        {
            DeviceDraw.Normal(into.view(-1), deviation, key);
        }
        else if (Bound(parameter, model) is { } bound)
        {
            DeviceDraw.Uniform(into.view(-1), bound, key);
        }
        else if (parameter.Role == ParameterRole.OutputMatrix)
        {
            into.zero_();
        }
        else
        {
            return false;
        }

        if (parameter.Rounded)
        {
            Rounding.ToBfloat16(into);
        }

        return true;
    }

    /// <summary>Of parameters that are drawn from a normal distribution; null: this one is not.</summary>
    private static double? Deviation(ParameterSpec parameter, ModelRecipe model) =>
        parameter.Role switch
        {
            ParameterRole.Embedding => 1,
            ParameterRole.Unembedding => 0.001,
            ParameterRole.OutputMatrix when model.Initialization == Initialization.NormalOutput => 1 / Math.Sqrt(model.Width),
            _ => null,
        };

    /// <summary>Of parameters that are drawn evenly from both sides of 0; null: this one is not.</summary>
    private static double? Bound(ParameterSpec parameter, ModelRecipe model) =>
        parameter.Role == ParameterRole.InputMatrix ? Math.Sqrt(3 / (double)model.Width) : null;

    /// <param name="threads">Each number is a function of its place: how many threads draw changes none.</param>
    internal static void Fill(float[] values, ParameterSpec parameter, ModelRecipe model, ulong key, int threads)
    {
        if (Deviation(parameter, model) is { } deviation)
        {
            InParts(values, threads, (part, start) => Normal(part, start, deviation, key));
            return;
        }

        if (Bound(parameter, model) is { } bound)
        {
            InParts(values, threads, (part, start) => Uniform(part, start, bound, key));
            return;
        }

        switch (parameter.Role)
        {
            case ParameterRole.ResidualLambda:
                Array.Fill(values, model.Initialization == Initialization.ZeroOutputBoosted ? 1.1f : 1f);
                break;
            case ParameterRole.X0Lambda:
                Array.Fill(values, 0.1f);
                break;
            case ParameterRole.SkipWeight:
            case ParameterRole.NormGain:
                Array.Fill(values, 1f);
                break;
            case ParameterRole.HeadMix:
                for (var head = 0; head < model.Heads; head++)
                {
                    values[(head * model.Heads) + head] = 1;
                }

                break;
            default:
                // Gates, biases, exclusive attention and, in the other initialisations, output projections begin at 0.
                Array.Clear(values);
                break;
        }
    }

    /// <summary>Has threads of their own draw parts of the numbers; a part begins with a pair.</summary>
    private static void InParts(float[] values, int threads, Drawing draw)
    {
        if (threads == 1)
        {
            draw(values, 0);
            return;
        }

        var each = (((values.Length + threads - 1) / threads) + 1) / 2 * 2;
        Task[] parts =
        [
            .. Enumerable
                .Range(0, threads)
                .Select(thread =>
                    WorkerThread.RunAsync(
                        $"slowrun weights {thread}",
                        () =>
                        {
                            var start = Math.Min(thread * each, values.Length);
                            draw(values.AsSpan(start, Math.Min(each, values.Length - start)), start);
                        }
                    )
                ),
        ];
        Task.WaitAll(parts, CancellationToken.None);
    }

    private static void Uniform(Span<float> values, int start, double bound, ulong key)
    {
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)(bound * ((2 * CounterRandom.Uniform(key, (ulong)(start + i))) - 1));
        }
    }

    private static void Normal(Span<float> values, int start, double deviation, ulong key)
    {
        for (var i = 0; i < values.Length; i += 2)
        {
            var (first, second) = NormalPair(key, start + i, deviation);
            values[i] = (float)first;
            if (i + 1 < values.Length)
            {
                values[i + 1] = (float)second;
            }
        }
    }

    /// <summary>Box and Muller's pair before it is rounded.</summary>
    /// <param name="first">An even number.</param>
    internal static (double First, double Second) NormalPair(ulong key, long first, double deviation)
    {
        var radius = deviation * Math.Sqrt(-2 * Math.Log(1 - CounterRandom.Uniform(key, (ulong)first)));
        var angle = 2 * Math.PI * CounterRandom.Uniform(key, (ulong)first + 1);
        return (radius * Math.Cos(angle), radius * Math.Sin(angle));
    }

    /// <param name="start">The first one's number.</param>
    private delegate void Drawing(Span<float> values, int start);

    /// <summary>FNV-1a.</summary>
    private static ulong Hash(string name) =>
        Encoding.UTF8.GetBytes(name).Aggregate(0xCBF29CE484222325, (hash, b) => (hash ^ b) * 0x100000001B3);
}
