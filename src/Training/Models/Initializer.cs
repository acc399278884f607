using System.Text;
using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>
/// Fresh weights. Every parameter is a function of (seed, its name), so that none depends on which others a recipe has, and all of them
/// are drawn here rather than by libtorch, whose normal numbers differ between processors.
/// </summary>
internal static class Initializer
{
    // Under it, starting threads takes longer than drawing.
    private const int NumbersOfAThread = 1 << 20;

    /// <param name="key">A function of the stage's seed.</param>
    public static void Fill(FlatParameters parameters, ModelRecipe model, ulong key)
    {
        using var noGradient = no_grad();
        foreach (var place in parameters.Layout.Parameters)
        {
            using var scope = NewDisposeScope();
            var values = new float[place.Spec.Count];
            Fill(
                values,
                place.Spec,
                model,
                CounterRandom.Key(key, Hash(place.Name)),
                Math.Clamp(values.Length / NumbersOfAThread, 1, Environment.ProcessorCount)
            );
            parameters[place.Name].copy_(tensor(values).view([.. place.Spec.Shape]));
        }
    }

    /// <param name="threads">Each number is a function of its place: how many threads draw changes none.</param>
    internal static void Fill(float[] values, ParameterSpec parameter, ModelRecipe model, ulong key, int threads)
    {
        var width = (double)model.Width;
        switch (parameter.Role)
        {
            case ParameterRole.Embedding:
                InParts(values, threads, (part, start) => Normal(part, start, 1, key));
                break;
            case ParameterRole.Unembedding:
                InParts(values, threads, (part, start) => Normal(part, start, 0.001, key));
                break;
            case ParameterRole.InputMatrix:
                InParts(values, threads, (part, start) => Uniform(part, start, Math.Sqrt(3 / width), key));
                break;
            case ParameterRole.OutputMatrix when model.Initialization == Initialization.NormalOutput:
                InParts(values, threads, (part, start) => Normal(part, start, 1 / Math.Sqrt(width), key));
                break;
            case ParameterRole.ResidualLambda:
                Array.Fill(values, model.Initialization == Initialization.ZeroOutputBoosted ? 1.1f : 1f);
                break;
            case ParameterRole.X0Lambda:
                Array.Fill(values, 0.1f);
                break;
            case ParameterRole.SkipWeight:
                Array.Fill(values, 1f);
                break;
            case ParameterRole.HeadMix:
                for (var head = 0; head < model.Heads; head++)
                {
                    values[(head * model.Heads) + head] = 1;
                }

                break;
            default:
                // Gates, exclusive attention and, in the other initialisations, output projections begin at 0.
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

    /// <summary>Box and Muller's pairs.</summary>
    private static void Normal(Span<float> values, int start, double deviation, ulong key)
    {
        for (var i = 0; i < values.Length; i += 2)
        {
            var radius = deviation * Math.Sqrt(-2 * Math.Log(1 - CounterRandom.Uniform(key, (ulong)(start + i))));
            var angle = 2 * Math.PI * CounterRandom.Uniform(key, (ulong)(start + i) + 1);
            values[i] = (float)(radius * Math.Cos(angle));
            if (i + 1 < values.Length)
            {
                values[i + 1] = (float)(radius * Math.Sin(angle));
            }
        }
    }

    /// <param name="start">The first one's number.</param>
    private delegate void Drawing(Span<float> values, int start);

    /// <summary>FNV-1a.</summary>
    private static ulong Hash(string name) =>
        Encoding.UTF8.GetBytes(name).Aggregate(0xCBF29CE484222325, (hash, b) => (hash ^ b) * 0x100000001B3);
}
