using System.Globalization;
using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Efficiency;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Reading.Efficiency;
using Slowrun.Reading.Runs;
using Slowrun.Storage;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Runs;

/// <summary>Answers how many times a finished run's data ordinary trainings need, and trains those that are not there yet.</summary>
internal sealed class EfficiencyQuestion(ClientContext context, IObjectStore store, RunFacts run, EfficiencyWish wish)
{
    // 64 times the data: no small text has more.
    private const int MostDoublings = 6;

    private readonly BaselineReader results = new(new RunReader(store, context.Time));
    private readonly List<MissingBaseline> missing = [];
    private int known;

    private Recipe Recipe => run.Spec.Recipe;

    /// <param name="given">A longer text of which the run's is the beginning; nothing: what its recipe names.</param>
    /// <exception cref="NotPossibleException">The run has no members.</exception>
    /// <exception cref="InvalidRequestException">The text is no continuation of the run's; or choices need a fitness set that it does not
    /// have.</exception>
    public async Task<EfficiencyReport> AnswerAsync(GivenData given, CancellationToken stop)
    {
        if (!run.Plan.HasMembers)
        {
            throw new NotPossibleException($"All chains of '{run.Spec.Name}' are baselines: there is nothing to hold against one.");
        }

        var manifest = await new StoredTokenSets(store).ReadManifestAsync(Recipe.Data.Sha256!, stop);
        var (own, bootstrap) = (manifest.Train.Tokens, new PairedBootstrap(Recipe.Seed));
        var models = await results.ModelsAsync(run, stop);
        var report = new EfficiencyReport
        {
            Run = run.Spec.Name,
            DataSha256 = Recipe.Data.Sha256!,
            RecipeSha256 = CanonicalJson.Sha256(Recipe),
            TrainTokens = own,
            Tokenizer = manifest.Tokenizer,
            Baseline = BaselineSource.Upstream,
            Curves = [Table(own)],
            Models = [.. models.Select(model => Efficiency(model, [OfTable(model, own)]))],
        };
        if (UpstreamBaseline.Suits(manifest.Tokenizer, own))
        {
            return report;
        }

        CheckChoices();
        var data = await NestedData.OpenAsync(store, run, given, stop);
        var curves = await CurvesAsync(data, own, models.Min(model => model.LossNats), stop);
        return report with
        {
            Baseline = BaselineSource.Trained,
            CorpusTokens = data.AvailableTokens,
            Curves = [.. curves.Select(curve => curve.Reported(own))],
            Models =
            [
                .. models.Select(model =>
                    Efficiency(model, [.. curves.Select(curve => curve.FactorOf(model, own, bootstrap)).OfType<CurveFactor>()])
                ),
            ],
            KnownBaselines = known,
            Missing = missing,
        };
    }

    private static ModelEfficiency Efficiency(JudgedModel model, IReadOnlyList<CurveFactor> factors) =>
        new(model.Name, model.LossNats, factors) { Members = model.Members };

    private async Task<IReadOnlyList<TrainedCurve>> CurvesAsync(NestedData data, long own, double goal, CancellationToken stop)
    {
        var curves = Enum.GetValues<BaselineKind>().Select(kind => new TrainedCurve(kind, [], CurveEnd.Asked)).ToList();
        var ended = new bool[curves.Count];
        await using var session = new BaselineSession(context, store, run.Spec.Name, wish.Silos);
        foreach (var times in wish.Multiples.Count > 0 ? wish.Multiples : [.. Enumerable.Range(0, MostDoublings + 1).Select(i => 1 << i)])
        {
            var open = Enumerable.Range(0, curves.Count).Where(i => !ended[i]).ToList();
            if (open.Count == 0)
            {
                break;
            }

            var tokens = own * times;
            if (tokens > data.AvailableTokens)
            {
                open.ForEach(i => End(i, CurveEnd.Corpus));
                break;
            }

            // What is only read must not be written to: a name follows from the data's hash alone.
            var recipe = await data.UploadAsync(wish.Train ? store : new MemoryStore(), tokens, stop);
            var point = open.SelectMany(i => Candidates(curves[i].Kind, tokens).Select(candidate => (Curve: i, Candidate: candidate)))
                .Select((one, place) => (one.Curve, one.Candidate, Spec: one.Candidate.Spec(run.Spec, recipe, place)))
                .ToList();
            foreach (var (_, candidate, spec) in point)
            {
                Check(spec);
                known += await results.StateAsync(spec.Name, stop) == RunState.Succeeded ? 1 : 0;
            }

            if (wish.Train)
            {
                await session.TrainAsync([.. point.Select(one => (one.Spec, What(one.Candidate, times)))], stop);
            }

            foreach (var i in open)
            {
                await AddAsync(i, [.. point.Where(one => one.Curve == i).Select(one => (one.Candidate, one.Spec))]);
            }
        }

        return curves;

        void End(int i, CurveEnd why) => (curves[i], ended[i]) = (curves[i] with { End = why }, true);

        async Task AddAsync(int i, IReadOnlyList<(BaselineCandidate Candidate, RunSpec Spec)> candidates)
        {
            var trained = new List<BaselineResult>();
            foreach (var (candidate, spec) in candidates)
            {
                if (await results.TryReadAsync(candidate, spec, stop) is { } result)
                {
                    trained.Add(result);
                }
                else
                {
                    var state = await results.StateAsync(spec.Name, stop);
                    missing.Add(
                        new(
                            candidate.Kind,
                            candidate.Tokens,
                            candidate.Size.ToString(),
                            candidate.Passes,
                            spec.Name,
                            state?.ToString() ?? "NotSubmitted"
                        )
                    );
                }
            }

            // A point that lacks a candidate is none: another one might have been chosen.
            if (trained.Count < candidates.Count)
            {
                End(i, CurveEnd.Missing);
                return;
            }

            curves[i] = curves[i] with { Points = [.. curves[i].Points, trained] };
            if (wish.Multiples.Count == 0 && BaselineResult.Best(trained).LossNats <= goal)
            {
                End(i, CurveEnd.Reached);
            }
        }
    }

    /// <exception cref="InvalidRequestException">The run was imported, and its spec says of no steps that suit its data.</exception>
    private void Check(RunSpec baseline)
    {
        try
        {
            SpecReader.Check(baseline);
        }
        catch (SpecException e) when (run.Plan.Stages.All(stage => stage.ImportedSha256 is not null))
        {
            throw new InvalidRequestException(
                $"All models of '{run.Spec.Name}' are imported, and baselines cannot take their steps as its spec says (stage.batchTokens, "
                    + $"stage.deviceRows, stage.lanes): {string.Join("; ", e.Problems)} Import the weights under another name with --spec of "
                    + "a preset or a file whose stage suits the data.",
                e
            );
        }
    }

    private IEnumerable<BaselineCandidate> Candidates(BaselineKind kind, long tokens) =>
        kind == BaselineKind.OnePass
            ? Sizes.Select(size => new BaselineCandidate(kind, tokens, size, 1, 1))
            : from size in TunedSizes
            from passes in wish.Passes
            from rate in wish.LearningRates
            select new BaselineCandidate(kind, tokens, size, passes, rate);

    private IReadOnlyList<BaselineSize> Sizes => wish.Sizes.Count > 0 ? wish.Sizes : BaselineSize.About(Recipe.Model);

    private IReadOnlyList<BaselineSize> TunedSizes => wish.TunedSizes.Count > 0 ? wish.TunedSizes : [BaselineSize.Own(Recipe.Model)];

    private void CheckChoices()
    {
        if (Recipe.Data.FitnessTokens == 0 && (Sizes.Count > 1 || TunedSizes.Count * wish.Passes.Count * wish.LearningRates.Count > 1))
        {
            throw new InvalidRequestException(
                $"Run '{run.Spec.Name}' has no fitness set (data.fitnessTokens: 0), and the best of several baselines is chosen "
                    + "there, never on validation. "
                    + "Leave no choice: one of --sizes, --tuned-sizes, --passes and --learning-rates each; or train the run "
                    + "with a fitness set."
            );
        }
    }

    private static string What(BaselineCandidate candidate, int times) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"Baseline of {times} x the data ({candidate.Tokens:#,0} tokens), {candidate.Size}, "
                + $"{(candidate.Passes == 1 ? "one pass" : $"{candidate.Passes} passes")}"
        );

    private static EfficiencyCurve Table(long own) =>
        new(
            BaselineKind.OnePass,
            [
                .. UpstreamBaseline.Points.Select(point => new CurvePoint(
                    point.Tokens,
                    (double)point.Tokens / own,
                    point.LossNats,
                    null,
                    []
                )),
            ],
            CurveEnd.Table
        );

    private static CurveFactor OfTable(JudgedModel model, long own) =>
        new(BaselineKind.OnePass, BaselineCurve.FactorOf(model.LossNats, UpstreamBaseline.Points, own), null);
}
