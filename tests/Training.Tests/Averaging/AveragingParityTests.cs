using System.Text.Json.Nodes;
using Slowrun.Core.Models;
using Slowrun.Core.Randomness;
using Slowrun.Core.Recipes;
using Slowrun.Core.Schedules;
using Slowrun.Core.Tensors;
using Slowrun.Training.Averaging;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Averaging;

/// <summary>Family H: averages and perturbation of weights, to 1e-6.</summary>
public sealed class AveragingParityTests
{
    private readonly JsonObject json = FixtureSet.Json("H_averaging");
    private readonly OrderedDictionary<string, TensorData> tensors = FixtureSet.Tensors("H_averaging");

    private string[] Names => [.. json["param_order"]!.AsArray().Select(name => (string)name!)];

    [Fact]
    public void BlendInto_OfRecord9_IsUpstreams()
    {
        using var scope = NewDisposeScope();
        var updates = (int)json["rec9_ema"]!["updates"]!;
        using var average = new ExponentialAverage(Length, CPU, EmaForm.FromFirstWeights, (double)json["rec9_ema"]!["decay"]!);
        for (var i = 0; i < updates; i++)
        {
            average.Update(Flat($"ema.step{i}"));
        }

        var (shadow, blend) = (zeros(Length), Flat($"ema.step{updates - 1}"));
        average.BlendInto(shadow, 0);
        average.BlendInto(blend, 0.6);

        Hold("ema.shadow", shadow, 1e-6);
        Hold("ema.blend_0.6final_0.4ema", blend, 1e-6);
    }

    [Fact]
    public void BlendInto_OfTheFifteenMinuteTrack_IsUpstreamsWithoutBias()
    {
        using var scope = NewDisposeScope();
        var facts = json["tiny_ema"]!;
        var decay = AveragingSteps.DecayPerUpdate(
            (double)facts["decay_per_epoch"]!,
            (int)facts["every"]!,
            steps: 1,
            dataEpochs: 1 / (double)facts["steps_per_epoch"]!
        );
        Assert.Equal((double)facts["beta"]!, decay, 1e-12);
        using var average = new ExponentialAverage(Length, CPU, EmaForm.FromZero, decay);
        for (var i = 0; i < (int)facts["updates"]!; i++)
        {
            average.Update(Flat($"ema.step{i}"));
        }

        var result = ones(Length);
        average.BlendInto(result, 0);

        Hold("tiny_ema.debiased", result, 1e-6);
    }

    [Fact]
    public void CopyInto_OfTheRecencyAverage_IsUpstreams()
    {
        using var scope = NewDisposeScope();
        using var average = new WeightAverage(Length, CPU, byRecency: true);
        for (var i = 0; i < json["swa_recency_weights"]!.AsArray().Count; i++)
        {
            average.Add(Flat($"ema.step{i}"));
        }

        var result = zeros(Length);
        average.CopyInto(result);

        Hold("swa.recency", result, 1e-6);
    }

    [Fact]
    public void Apply_OfThePerturbation_MovesTheWeightsAsUpstream()
    {
        using var scope = NewDisposeScope();
        ParameterSpec[] specs =
        [
            .. Names.Select(name => new ParameterSpec(name, tensors["init." + name].Shape, ParameterRole.InputMatrix)),
        ];
        using var parameters = new FlatParameters(
            new ParameterLayout(
                specs,
                [
                    [.. Names.Reverse()],
                ]
            ),
            CPU
        );
        parameters.Load([.. Names.Select(name => tensors["init." + name] with { Name = name })]);

        Perturbation.Apply(parameters, (double)json["perturb"]!["scale"]!, (long)json["perturb"]!["seed"]!);

        foreach (var name in Names)
        {
            var error = (parameters[name] - tensors["perturb.after." + name].Torch()).abs().max().item<float>();
            Assert.True(error <= 1e-6, $"'{name}' is off by {error}.");
        }
    }

    [Fact]
    public void NextNormals_OverTheParameters_AreTorchs()
    {
        var generator = new Mt19937((long)json["perturb"]!["seed"]!);
        foreach (var name in Names.Where(name => tensors.ContainsKey("perturb.noise." + name)))
        {
            var expected = tensors["perturb.noise." + name].Floats();
            var drawn = new float[expected.Length];

            generator.NextNormals(drawn);

            Assert.All(expected.Zip(drawn), pair => Assert.Equal(pair.First, pair.Second, 2e-6f));
        }
    }

    private long Length => Names.Sum(name => tensors["init." + name].Bytes.Length / 4);

    private Tensor Flat(string prefix) => cat([.. Names.Select(name => tensors[$"{prefix}.{name}"].Torch().flatten())]);

    private void Hold(string prefix, Tensor actual, double tolerance) =>
        Assert.InRange((actual - Flat(prefix)).abs().max().item<float>(), 0, tolerance);
}
