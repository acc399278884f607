using System.Diagnostics;
using System.Runtime.InteropServices;
using Slowrun.Core.Models;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;

namespace Slowrun.Gpu;

/// <summary>Initial weights drawn on the device, all of them, and the embedding's drawn on the host beside: the same bytes?</summary>
internal static class WeightsPart
{
    public static int Run(Bench bench)
    {
        const string name = "10x-plain";
        const ulong key = 42;
        var plan = Sizes.Plan(bench, name, 2);
        var table = ParameterTable.Of(plan.Model);
        var layout = ParameterGroups.Layout(table, ParameterGroups.Of(table, plan.Stage.Optimizer));
        using var parameters = new FlatParameters(layout, bench.Device);
        bench.Settle();
        var watch = Stopwatch.StartNew();
        Initializer.Fill(parameters, plan.Model, key, onDevice: true);
        bench.Settle();
        var onDevice = watch.Elapsed.TotalSeconds;

        // Normal and even ones; the first matrix stands for all.
        ParameterSpec[] compared =
        [
            table.First(parameter => parameter.Role == ParameterRole.Embedding),
            table.First(parameter => parameter.Role == ParameterRole.Unembedding),
            table.First(parameter => parameter.Role == ParameterRole.InputMatrix),
        ];
        var equal = true;
        watch.Restart();
        double host = 0;
        foreach (var parameter in compared)
        {
            watch.Restart();
            var expected = Initializer.OnHost(parameter, plan.Model, key);
            host += watch.Elapsed.TotalSeconds;
            equal &= MemoryMarshal.AsBytes(expected.AsSpan()).SequenceEqual(Scalars.OnHost(parameters[parameter.Name]).bytes);
        }

        return Bench.Tell(
            "weights",
            name,
            ("numbers", layout.Parameters.Sum(place => place.Spec.Count)),
            ("seconds", onDevice),
            ("comparedNumbers", compared.Sum(parameter => parameter.Count)),
            ("hostSeconds", host),
            ("equal", equal)
        );
    }
}
