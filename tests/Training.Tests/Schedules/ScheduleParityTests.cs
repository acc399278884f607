using System.Globalization;
using System.Text.Json.Nodes;
using Slowrun.Core.Recipes;
using Slowrun.Core.Schedules;

namespace Slowrun.Training.Tests.Schedules;

/// <summary>Family F: upstream's schedules, to 1e-12.</summary>
public sealed class ScheduleParityTests
{
    private readonly JsonObject json = FixtureSet.Json("F_schedules");

    [Fact]
    public void At_OfRecord9_IsUpstreams()
    {
        foreach (var table in Tables("rec9"))
        {
            var derived = table["derived"]!;
            var schedule = new StageSchedule(new OptimizerRecipe(), (int)table["num_iterations"]!, (double)derived["epochs"]!);

            Hold(table, "lr_mult", step => schedule.At(step).LearningRate);
            Hold(table, "muon_momentum", step => schedule.At(step).Momentum);
            Hold(table, "steps", step => schedule.At(step).WeightDecay, _ => 1);
        }
    }

    [Fact]
    public void Lengths_OfRecord9_AreUpstreams()
    {
        foreach (var derived in Tables("rec9").Select(table => table["derived"]!))
        {
            var (epochs, fraction) = ((double)derived["epochs"]!, (double)derived["dupe_fraction"]!);
            var (tokens, batch) = ((long)derived["tokens_per_epoch"]!, (int)derived["total_batch"]!);
            var steps = StageLengths.Steps(tokens, epochs, batch);

            Assert.Equal((int)derived["num_iterations"]!, steps);
            Assert.Equal((int)derived["dupe_start_epoch_1based"]!, StageLengths.LoopFirstEpoch(fraction, epochs));
            Assert.Equal((int)derived["ema_start_step"]!, AveragingSteps.Start(steps, 0.9));
            var updates = Enumerable.Range(1, steps).Where(step => AveragingSteps.IsUpdate(step, steps, 0.9, 10)).ToArray();
            Assert.Equal((int)derived["ema_num_updates"]!, updates.Length);
            Assert.Equal((int?)derived["ema_first_update"], updates.Length == 0 ? null : updates[0]);
        }
    }

    [Fact]
    public void At_OfTheHeadsCycles_IsUpstreams()
    {
        foreach (var table in Tables("head"))
        {
            var settings = table["settings"]!;
            var recipe = new OptimizerRecipe
            {
                Warmdown = (double)settings["warmdown_frac"]!,
                LearningRate = new()
                {
                    Shape = LearningRateShape.Cycle,
                    Warmup = (double)settings["warmup_frac"]!,
                    Floor = (double)settings["lr_floor"]!,
                },
                Decay = new() { Shape = WeightDecayShape.InverseToLearningRate, Floor = (double)settings["wd_floor"]! },
                Momentum = new() { WarmupSteps = 0 },
            };
            foreach (var cycle in table["cycles"]!.AsArray().Select(cycle => cycle!))
            {
                var schedule = new StageSchedule(recipe, (int)cycle["length"]!, (double)settings["epochs_per_cycle"]!);

                Hold(cycle, "lr_mult", step => schedule.At(step).LearningRate, stepsName: "step_in_cycle");
                Hold(cycle, "wd_mult", step => schedule.At(step).WeightDecay, stepsName: "step_in_cycle");
                Hold(cycle, "step_in_cycle", step => schedule.At(step).Momentum, _ => 0.95, "step_in_cycle");
            }
        }
    }

    [Fact]
    public void Cycles_OfTheHead_AreUpstreams()
    {
        foreach (var table in Tables("head"))
        {
            var settings = table["settings"]!;
            var cycles = (int)settings["num_cycles"]!;
            var batches = Enumerable
                .Range(0, cycles)
                .Select(cycle => Cycles.BatchTokens(cycle, cycles, (int)settings["bs_peak"]!, (int)settings["bs_floor"]!))
                .ToArray();
            var lengths = batches
                .Select(batch => StageLengths.Steps((long)settings["tokens_per_epoch"]!, (double)settings["epochs_per_cycle"]!, batch))
                .ToArray();

            Assert.Equal(table["cycle_batch_sizes"]!.AsArray().Select(n => (int)n!), batches);
            Assert.Equal(table["cycle_lengths"]!.AsArray().Select(n => (int)n!), lengths);
            Assert.Equal((int)table["total_iterations"]!, lengths.Sum());
            Assert.Equal((int)table["dupe_start_step"]!, lengths.Take((int)settings["dupe_after_n_models"]!).Sum());
            foreach (var after in table["perturb"]!.AsArray().Select(after => after!))
            {
                var cycle = (int)after["after_cycle"]!;
                var scale = Cycles.PerturbationScale(
                    cycle,
                    cycles,
                    (double)settings["perturb_scale"]!,
                    (double)settings["perturb_scale_min"]!
                );

                Assert.Equal((double)after["scale"]!, scale, 1e-12);
                const string Noise = "noise_seed_for_model_seed_";
                var (name, seed) = after.AsObject().Single(fact => fact.Key.StartsWith(Noise, StringComparison.Ordinal));
                Assert.Equal((long)seed!, Cycles.PerturbationSeed(long.Parse(name[Noise.Length..], CultureInfo.InvariantCulture), cycle));
            }
        }
    }

    [Fact]
    public void At_OfTheOneHourTrack_IsUpstreams()
    {
        foreach (var table in Tables("limited"))
        {
            var plain = new OptimizerRecipe
            {
                Warmdown = (double)table["warmdown_ratio"]!,
                LearningRate = new() { WarmdownPower = (double)table["warmdown_power"]! },
            };
            var averaged = plain with
            {
                LearningRate = plain.LearningRate with { AveragedEpochs = (int)table["swa_last_epochs"]! },
                Decay = new() { Shape = WeightDecayShape.Sawtooth, Floor = 0.65 },
            };
            var (steps, epochs) = ((int)table["num_iterations"]!, (double)table["num_epochs"]!);
            var schedule = new StageSchedule(averaged, steps, epochs);

            Hold(table, "lr_mult_base", step => new StageSchedule(plain, steps, epochs).At(step).LearningRate);
            Hold(table, "lr_mult_final", step => schedule.At(step).LearningRate);
            Hold(table, "wd_mult", step => schedule.At(step).WeightDecay);
            Hold(table, "muon_momentum", step => schedule.At(step).Momentum);
        }
    }

    [Fact]
    public void At_OfTheFifteenMinuteTrack_IsUpstreams()
    {
        foreach (var table in Tables("tiny"))
        {
            var (steps, epochs) = ((int)table["num_train_steps"]!, (double)table["num_epochs"]!);
            var decay = (double)table["weight_decay"]!;
            var recipe = new OptimizerRecipe
            {
                WeightDecay = decay,
                Warmdown = 0.4,
                LearningRate = new() { AveragedEpochs = (int)table["swa_last_epochs"]! },
                Decay = new()
                {
                    Shape = WeightDecayShape.Piecewise,
                    Points =
                    [
                        new((int)table["wd_phase1_end_step"]! * epochs / steps, 1),
                        new((int)table["wd_phase2_end_step"]! * epochs / steps, (double)table["wd_mid"]! / decay),
                        new(null, (double)table["wd_end"]! / decay),
                    ],
                },
            };
            var schedule = new StageSchedule(recipe, steps, epochs);

            Hold(table, "lr_mult_final", step => schedule.At(step).LearningRate);
            Hold(table, "weight_decay_value", step => recipe.WeightDecay * schedule.At(step).WeightDecay);
            var every = (int)table["update_ema_every"]!;
            Assert.Equal((double)table["param_ema_beta_per_update"]!, AveragingSteps.DecayPerUpdate(0.15, every, steps, epochs), 1e-12);
            Hold(table, "recurrent_iterations", step => step >= StageLengths.FirstStepAfter(0.7, steps) ? 2 : 1);
            foreach (var (step, row) in Steps(table).Zip(table["mtp_weights"]!.AsArray()))
            {
                var weights = row.Doubles();
                Assert.Equal(
                    weights[1..],
                    FutureTokenWeights.At(step, steps, [0.5, 0.25], 0.66).Select(weight => (double)weight),
                    (a, b) => Math.Abs(a - b) <= 1e-12
                );
            }
        }
    }

    private IEnumerable<JsonNode> Tables(string track) => json[track]!.AsArray().Select(table => table!);

    private static IEnumerable<int> Steps(JsonNode table, string name = "steps") => table[name]!.AsArray().Select(step => (int)step!);

    private static void Hold(
        JsonNode table,
        string name,
        Func<int, double> actual,
        Func<double, double>? expected = null,
        string stepsName = "steps"
    )
    {
        foreach (var (step, value) in Steps(table, stepsName).Zip(table[name].Doubles()))
        {
            var wanted = expected is null ? value : expected(value);
            Assert.True(Math.Abs(wanted - actual(step)) <= 1e-12, $"{name} at step {step}: found {actual(step):R}, expected {wanted:R}.");
        }
    }
}
