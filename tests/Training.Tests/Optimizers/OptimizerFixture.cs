using System.Globalization;
using System.Text.Json.Nodes;
using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Schedules;
using Slowrun.Core.Tensors;
using Slowrun.Training.Numerics;
using Slowrun.Training.Optimizers;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Optimizers;

/// <summary>Family E: parameters, gradients and groups that upstream's optimizer was run on.</summary>
internal sealed class OptimizerFixture : IDisposable
{
    private readonly JsonObject json = FixtureSet.Json("E_optimizer");
    private readonly OrderedDictionary<string, TensorData> tensors = FixtureSet.Tensors("E_optimizer");
    private readonly string form;

    /// <param name="form"><c>rec9</c> or <c>head</c>.</param>
    public OptimizerFixture(string form, OrthogonalizationPrecision precision, StepPath path = StepPath.Composed)
    {
        this.form = form;
        Groups = [.. json["adamw"]!.AsArray().Select(AdamW), .. json["muon"]!["groups"]!.AsArray().Select(Muon)];
        var specs = Groups.SelectMany(group => group.Parameters).ToArray();
        Parameters = new FlatParameters(ParameterGroups.Layout(specs, Groups), CPU);
        Parameters.Load([.. specs.Select(spec => tensors["p0." + spec.Name] with { Name = spec.Name })]);
        Optimizer = new MuonAdamW(
            Parameters,
            Groups,
            new OptimizerRecipe { RowNormalization = form == "head", Orthogonalization = precision },
            path
        );
    }

    public IReadOnlyList<ParameterGroup> Groups { get; }

    public FlatParameters Parameters { get; }

    public MuonAdamW Optimizer { get; }

    public int Steps => (int)json["steps"]!;

    public IEnumerable<string> MuonNames => Names(OptimizerKind.Muon);

    public IEnumerable<string> AdamWNames => Names(OptimizerKind.AdamW);

    /// <param name="step">From 1.</param>
    public void Step(int step)
    {
        using var scope = NewDisposeScope();
        using var gradient = Parameters.NewGradients();
        foreach (var place in Parameters.Layout.Parameters)
        {
            gradient[place.Name].copy_(tensors[$"g{step}.{place.Name}"].Torch());
        }

        Optimizer.Step(
            gradient.Flat,
            new ScheduleValues(
                json["lr_mult"].Doubles()[step - 1],
                json["momentum_" + form].Doubles()[step - 1],
                json["wd_mult_" + form].Doubles()[step - 1]
            )
        );
    }

    public Tensor Expected(string variant, int step, string name) => tensors[$"{form}.{variant}.p{step}.{name}"].Torch();

    public Tensor Initial(string name) => tensors["p0." + name].Torch();

    /// <summary>Final optimizer state as upstream names it.</summary>
    public IEnumerable<(string Name, Tensor Value)> ExpectedState() =>
        from tensor in tensors
        let prefix = $"{form}.exact.state."
        where tensor.Key.StartsWith(prefix, StringComparison.Ordinal)
        select (tensor.Key[prefix.Length..], tensor.Value.Torch());

    /// <summary>A moment by upstream's name: <c>muon.1.second_momentum_buffer</c> (a group's stack), <c>adam.0.exp_avg</c>.</summary>
    public Tensor State(string name)
    {
        var parts = name.Split('.');
        var groups = Groups.Where(group => (group.Kind == OptimizerKind.Muon) == (parts[0] == "muon")).ToArray();
        var group = groups[int.Parse(parts[1], CultureInfo.InvariantCulture)];
        var range = Parameters.Layout.Groups[Groups.ToList().IndexOf(group)];
        var shape = group.Parameters[0].Shape;
        var n = group.Parameters.Count;
        var muonStart = Parameters.Layout.Groups[Groups.Count(g => g.Kind == OptimizerKind.AdamW)].Start;
        return parts[2] switch
        {
            "exp_avg" => Piece("optimizer/adamw/first").narrow(0, range.Start, range.Length).view([.. shape]),
            "exp_avg_sq" => Piece("optimizer/adamw/second").narrow(0, range.Start, range.Length).view([.. shape]),
            "momentum_buffer" => Piece("optimizer/muon/first").narrow(0, range.Start - muonStart, range.Length).view([n, .. shape]),
            "second_momentum_buffer" => Piece("optimizer/muon/second")
                .narrow(0, groups.TakeWhile(g => g != group).Sum(Kept), Kept(group))
                .view(shape[0] >= shape[1] ? [n, shape[0], 1] : [n, 1, shape[1]]),
            _ => throw new ArgumentException($"'{name}' is no state that upstream keeps.", nameof(name)),
        };

        static long Kept(ParameterGroup group) => group.Parameters.Count * group.Parameters[0].Shape.Max();

        Tensor Piece(string piece) => Optimizer.State.Single(tensor => tensor.Name == piece).Tensor;
    }

    public void Dispose()
    {
        Optimizer.Dispose();
        Parameters.Dispose();
    }

    private IEnumerable<string> Names(OptimizerKind kind) =>
        Groups.Where(group => group.Kind == kind).SelectMany(group => group.Parameters).Select(spec => spec.Name);

    private ParameterGroup AdamW(JsonNode? group) =>
        new()
        {
            Kind = OptimizerKind.AdamW,
            Parameters = [new((string)group!["name"]!, [.. group["shape"]!.AsArray().Select(n => (long)n!)], ParameterRole.Embedding)],
            LearningRate = (double)group["lr"]!,
            Beta1 = group["betas"].Doubles()[0],
            Beta2 = group["betas"].Doubles()[1],
            Epsilon = (double)group["eps"]!,
            WeightDecay = (double)group["weight_decay"]!,
        };

    private ParameterGroup Muon(JsonNode? group) =>
        new()
        {
            Kind = OptimizerKind.Muon,
            Parameters =
            [
                .. Enumerable
                    .Range(0, (int)group!["count"]!)
                    .Select(i => new ParameterSpec(
                        string.Create(CultureInfo.InvariantCulture, $"muon.{(int)group["index"]!}.{i}"),
                        [.. group["shape"]!.AsArray().Select(n => (long)n!)],
                        ParameterRole.InputMatrix
                    )),
            ],
            LearningRate = (double)json["muon"]!["lr"]!,
            WeightDecay = (double)json["muon"]!["weight_decay"]!,
            Beta2 = (double)json["muon"]!["beta2"]!,
            ShapeScale = (double)group["lr_scale"]!,
        };
}
