using System.Text;
using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>
/// Fresh weights. Every parameter is a function of (seed, its name), so that none depends on which others a recipe has, and all of them
/// are drawn here rather than by libtorch, whose normal numbers differ between processors.
/// </summary>
internal static class Initializer
{
    /// <param name="key">A function of the stage's seed.</param>
    public static void Fill(FlatParameters parameters, ModelRecipe model, ulong key)
    {
        using var noGradient = no_grad();
        foreach (var place in parameters.Layout.Parameters)
        {
            using var scope = NewDisposeScope();
            var values = new float[place.Spec.Count];
            Fill(values, place.Spec, model, CounterRandom.Key(key, Hash(place.Name)));
            parameters[place.Name].copy_(tensor(values).view([.. place.Spec.Shape]));
        }
    }

    private static void Fill(Span<float> values, ParameterSpec parameter, ModelRecipe model, ulong key)
    {
        var width = (double)model.Width;
        switch (parameter.Role)
        {
            case ParameterRole.Embedding:
                Normal(values, 1, key);
                break;
            case ParameterRole.Unembedding:
                Normal(values, 0.001, key);
                break;
            case ParameterRole.InputMatrix:
                Uniform(values, Math.Sqrt(3 / width), key);
                break;
            case ParameterRole.OutputMatrix when model.Initialization == Initialization.NormalOutput:
                Normal(values, 1 / Math.Sqrt(width), key);
                break;
            case ParameterRole.ResidualLambda:
                values.Fill(model.Initialization == Initialization.ZeroOutputBoosted ? 1.1f : 1f);
                break;
            case ParameterRole.X0Lambda:
                values.Fill(0.1f);
                break;
            case ParameterRole.SkipWeight:
                values.Fill(1f);
                break;
            case ParameterRole.HeadMix:
                for (var head = 0; head < model.Heads; head++)
                {
                    values[(head * model.Heads) + head] = 1;
                }

                break;
            default:
                // Gates, exclusive attention and, in the other initialisations, output projections begin at 0.
                values.Clear();
                break;
        }
    }

    private static void Uniform(Span<float> values, double bound, ulong key)
    {
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)(bound * ((2 * CounterRandom.Uniform(key, (ulong)i)) - 1));
        }
    }

    /// <summary>Box and Muller's pairs.</summary>
    private static void Normal(Span<float> values, double deviation, ulong key)
    {
        for (var i = 0; i < values.Length; i += 2)
        {
            var radius = deviation * Math.Sqrt(-2 * Math.Log(1 - CounterRandom.Uniform(key, (ulong)i)));
            var angle = 2 * Math.PI * CounterRandom.Uniform(key, (ulong)i + 1);
            values[i] = (float)(radius * Math.Cos(angle));
            if (i + 1 < values.Length)
            {
                values[i + 1] = (float)(radius * Math.Sin(angle));
            }
        }
    }

    /// <summary>FNV-1a.</summary>
    private static ulong Hash(string name) =>
        Encoding.UTF8.GetBytes(name).Aggregate(0xCBF29CE484222325, (hash, b) => (hash ^ b) * 0x100000001B3);
}
