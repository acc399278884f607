using System.Diagnostics;
using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Kernels;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Bench;

/// <summary>
/// Times each matrix product and each kernel of the fused path by itself, at a step's shapes: how much of the step it is, its share of what
/// a large product reaches, and the bytes that it moves against a plain copy, all in one process. Plain steps, one thread.
/// </summary>
internal sealed unsafe class KernelBench : IDisposable
{
    private readonly ModelRecipe model;
    private readonly StageRecipe stage;
    private readonly HeadShape shape;
    private readonly KernelParts parts;

    private KernelBench(ModelRecipe model, StageRecipe stage)
    {
        (this.model, this.stage) = (model, stage);
        shape = new HeadShape(stage.DeviceRows, model.SequenceLength, model.Heads, model.Width / model.Heads);
        parts = new KernelParts(model, stage);
    }

    public static int Run(IReadOnlyList<string> arguments)
    {
        WorkerThread
            .RunAsync(
                "bench",
                () =>
                {
                    foreach (var (name, model, stage) in StepBench.Sizes.Where(size => arguments.Contains(size.Name)))
                    {
                        using var bench = new KernelBench(model, stage);
                        bench.Measure(name);
                    }
                }
            )
            .GetAwaiter()
            .GetResult();
        return 0;
    }

    public void Dispose() => parts.Dispose();

    private void Measure(string name)
    {
        using var noGradient = no_grad();
        var peak = StepBench.GemmGigaflops();
        var (large, near) = (CopyGigabytes(1 << 25), CopyGigabytes(shape.Rows * shape.Channels));
        var found = parts
            .All.Select(part => (Part: part, Seconds: part.Calls * Seconds(part.Run)))
            .OrderByDescending(one => one.Seconds)
            .ToList();
        peak = Math.Max(peak, StepBench.GemmGigaflops());
        var sum = found.Sum(one => one.Seconds);
        var products = found.Where(one => one.Part.Flops > 0).Sum(one => one.Seconds);
        Console.WriteLine(
            $"{name}: {shape.Rows} tokens a micro-batch; product {peak:F0} GFLOP/s; copies {large:F1} GB/s of 128 MiB, {near:F1} GB/s of the stream's {shape.Rows * shape.Channels * 4 / 1024} KiB"
        );
        Console.WriteLine(
            $"{"part", -44} {"calls", 6} {"ms/step", 9} {"share", 7} {"GFLOP/s", 9} {"of peak", 8} {"MB/step", 9} {"GB/s", 7}"
        );
        foreach (var (part, seconds) in found)
        {
            var work =
                part.Flops == 0
                    ? $"{"", 18}"
                    : $"{part.Calls * part.Flops / seconds / 1e9, 9:F1} {part.Calls * part.Flops / seconds / 1e9 / peak, 8:P0}";
            Console.WriteLine(
                $"{part.Name, -44} {part.Calls, 6} {seconds * 1e3, 9:F3} {seconds / sum, 7:P1} {work} {part.Calls * part.Bytes / 1e6, 9:F1} {part.Calls * part.Bytes / seconds / 1e9, 7:F1}"
            );
        }

        Console.WriteLine(
            $"{"all", -44} {found.Sum(one => one.Part.Calls), 6} {sum * 1e3, 9:F3}; products {products / sum:P0}, at {found.Sum(one => one.Part.Calls * one.Part.Flops) / products / 1e9 / peak:P0} of peak"
        );
        MeasureForward();
    }

    /// <summary>A forward pass to logits without a backward pass, as scoring and teaching ensembles do it.</summary>
    private void MeasureForward()
    {
        var table = ParameterTable.Of(model);
        using var parameters = new FlatParameters(ParameterGroups.Layout(table, ParameterGroups.Of(table, stage.Optimizer)), CPU);
        Initializer.Fill(parameters, model, 1);
        using var source = new ParameterSource(parameters, null);
        var weights = GptWeights.Of(model, source);
        using var gpt = new Gpt(model, CPU);
        using var fused = new FusedGpt(model, gpt.Rotary, shape.Batch, shape.Length);
        using var fusedWeights = new FusedWeights(model, weights);
        using var tokens = zeros([shape.Batch, shape.Length + 1], ScalarType.Int64);
        var pass = new ForwardPass { Windows = AttentionWindows.Of(model) };
        var logits = parts.Noise((int)Math.Min(shape.Rows, LogitRows.AtOnce(model, gpu: false)), model.VocabSize);
        var composed = Seconds(() =>
        {
            using var scope = NewDisposeScope();
            gpt.Logits(weights, gpt.Hidden(weights, tokens.narrow(1, 0, shape.Length), pass));
        });
        var own = Seconds(() =>
        {
            fused.Forward(fusedWeights, tokens, pass, keep: false);
            for (var start = 0; start < shape.Rows; start += (int)Math.Min(shape.Rows, LogitRows.AtOnce(model, gpu: false)))
            {
                Matrix.ProductTransposed(logits, fused.Hidden, fusedWeights.Unembedding);
            }
        });
        Console.WriteLine(
            $"forward to logits without gradient: composed {composed * 1e3:F2} ms, fused (softcap left out) {own * 1e3:F2} ms"
        );
    }

    /// <summary>Of one call: the least of several, since what else the machine does only adds.</summary>
    private static double Seconds(Action run)
    {
        run();
        var once = Time(run, 1);
        var times = (int)Math.Clamp(0.003 / once, 1, 10_000);
        return Enumerable.Range(0, 20).Min(_ => Time(run, times));
    }

    private static double Time(Action run, int times)
    {
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < times; i++)
        {
            run();
        }

        return watch.Elapsed.TotalSeconds / times;
    }

    /// <summary>Read and written.</summary>
    private double CopyGigabytes(int count)
    {
        var (from, to) = (parts.Noise(1, count), parts.Noise(1, count));
        return 8.0 * count / Seconds(() => new Span<float>(from.Data, count).CopyTo(new Span<float>(to.Data, count))) / 1e9;
    }
}
