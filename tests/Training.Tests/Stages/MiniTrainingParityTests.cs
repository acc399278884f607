using System.Text.Json.Nodes;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Schedules;
using Slowrun.Core.Tensors;
using Slowrun.Training.Distillation;
using Slowrun.Training.Lanes;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using Slowrun.Training.Optimizers;
using Slowrun.Training.Parameters;
using Slowrun.Training.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Stages;

/// <summary>Fixture K: six whole optimizer steps, plain, looped and distilling, in record 9's and in head's form.</summary>
public sealed class MiniTrainingParityTests
{
    [Theory]
    [InlineData("rec9", "D_distill", "case0", false)]
    [InlineData("rec9", "D_distill", "case0", true)]
    [InlineData("head", "D_distill", "case2", false)]
    public void Training_FromUpstreamsWeights_GivesUpstreamsLossesNormsAndWeights(
        string form,
        string distillation,
        string formula,
        bool fused
    )
    {
        using var scope = NewDisposeScope();
        var json = FixtureSet.Json("K_minitrain");
        var expected = json[form]!;
        var weights = FixtureSet.Tensors((string)expected["weights"]!);
        var plan = Plan(json, expected, weights, FixtureSet.Json(distillation)["cases"]![formula]!);
        using var run = new Run(plan, weights, fused ? StepPath.Fused : StepPath.Composed);
        var data = FixtureSet.Tensors("K_minitrain_data");
        var head = form == "head";

        foreach (var step in expected["steps"]!.AsArray().Select((step, i) => (Index: i, Expected: step!)))
        {
            var rate = (double)step.Expected["lr_mult"]!;
            var values = head
                ? new ScheduleValues(rate, 0.95, 0.7 + (0.3 * (1 - rate) / 0.92))
                : new ScheduleValues(rate, 0.85 + (0.1 * Math.Min(step.Index / 300.0, 1)), 1);
            var looped = step.Index >= (int)expected["dupe_from_step"]!;
            var taught = step.Index >= (int)expected["distill_from_step"]!;

            var (losses, norm) = run.Step(
                [.. Enumerable.Range(0, (int)json["grad_accum"]!).Select(micro => data[$"{form}.step{step.Index}.micro{micro}"].Torch())],
                looped ? plan.Stage.Loop : null,
                taught,
                values,
                (double)json["clip"]!
            );

            Assert.All(step.Expected["micro_losses"].Doubles().Zip(losses), pair => Assert.Equal(pair.First, pair.Second, 5e-5));
            Assert.Equal((double)step.Expected["grad_norm_before_clip"]!, norm, 1e-4);
        }

        foreach (var (name, fingerprint) in expected["final_params"]!.AsObject())
        {
            Close.Fingerprint(fingerprint!, run.Parameters[name], 1e-3, name);
        }
    }

    private static StagePlan Plan(JsonObject json, JsonNode expected, OrderedDictionary<string, TensorData> weights, JsonNode distillation)
    {
        var config = json["config"]!;
        var head = weights.ContainsKey("mtp_proj.weight");
        return new StagePlan
        {
            Id = new StageId(0, 1),
            Role = ChainRole.Members,
            Seed = 0,
            Model = new ModelRecipe
            {
                SequenceLength = (int)config["sequence_len"]!,
                VocabSize = (int)config["vocab_size"]!,
                Layers = (int)config["n_layer"]!,
                Heads = (int)config["n_head"]!,
                Width = (int)config["n_embd"]!,
                WindowPattern = (string)config["window_pattern"]!,
                HeadMixing = head,
                MtpBlock = head,
            },
            Stage = new StageRecipe
            {
                Dropout = 0,
                Loop = GptFixture.Loop(expected["dupe"]),
                Distillation = new DistillationRecipe
                {
                    Alpha = (double)distillation["alpha"]!,
                    Temperature = (double)distillation["temperature"]!,
                },
                Optimizer = new OptimizerRecipe { RowNormalization = head },
            },
            Evaluation = new EvaluationRecipe(),
            Data = new DataRecipe(),
        };
    }

    /// <summary>The engine's parts, without its data order and schedule, which the fixture replaces.</summary>
    private sealed class Run : IDisposable
    {
        private readonly StagePlan plan;
        private readonly MuonAdamW optimizer;
        private readonly LaneBuffer buffer;
        private readonly Gpt gpt;
        private readonly Teacher teacher;

        private readonly StepPath path;

        public Run(StagePlan plan, OrderedDictionary<string, TensorData> weights, StepPath path)
        {
            (this.plan, this.path) = (plan, path);
            var table = ParameterTable.Of(plan.Model);
            var groups = ParameterGroups.Of(table, plan.Stage.Optimizer);
            Parameters = new FlatParameters(ParameterGroups.Layout(table, groups), CPU);
            Parameters.Load([.. weights.Values]);
            optimizer = new MuonAdamW(Parameters, groups, plan.Stage.Optimizer, path);
            buffer = new LaneBuffer(plan.Model, Parameters);
            gpt = new Gpt(plan.Model, CPU);
            teacher = new Teacher(plan, [.. weights.Values], CPU);
        }

        public FlatParameters Parameters { get; }

        public (double[] Losses, double Norm) Step(Tensor[] rows, LoopRecipe? loop, bool taught, ScheduleValues values, double clip)
        {
            using var scope = NewDisposeScope();
            buffer.Gradients.Zero();
            var stage = plan.Stage with { DeviceRows = (int)rows[0].shape[0] };
            using IMicroBatchTrainer trainer =
                path == StepPath.Fused
                    ? new FusedTrainer(plan.Model, stage, gpt.Rotary, taught ? teacher : null, outputs: false)
                    : new MicroBatchTrainer(plan.Model, stage, gpt, taught ? teacher : null);
            var settings = new StepSettings { Loop = loop, Windows = AttentionWindows.Of(plan.Model) };
            double[] losses =
            [
                .. rows.Select(tokens =>
                    trainer.Backward(buffer, new MicroBatch(tokens, settings, 0), 1.0 / rows.Length, null).ToDouble() * rows.Length
                ),
            ];
            using var noGradient = no_grad();
            var norm = GradientClipping.Clip(buffer.Gradients.Flat, Parameters.Layout, clip, path).ToDouble();
            optimizer.Step(buffer.Gradients.Flat, values);
            return (losses, norm);
        }

        public void Dispose()
        {
            teacher.Dispose();
            gpt.Dispose();
            buffer.Dispose();
            optimizer.Dispose();
            Parameters.Dispose();
        }
    }
}
