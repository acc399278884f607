using Microsoft.Extensions.Logging;
using Slowrun.Core.Mixtures;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Core.Tokens;
using Slowrun.Grains.Stages;
using Slowrun.Grains.Telemetry;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Training.Devices;
using Slowrun.Training.Evaluation;
using Slowrun.Training.Numerics;

namespace Slowrun.Grains.Members;

/// <summary>
/// Judges a finished stage's snapshot on the validation set, and on the fitness set where members are selected: p(target) of every token,
/// kept, so that mixtures need no model.
/// </summary>
internal sealed partial class MemberScoring(
    IObjectStore store,
    TokenSets tokens,
    Fingerprints fingerprints,
    TimeProvider time,
    ILogger<MemberScoring> log
)
{
    /// <summary>Scores the stage's snapshot unless that was done.</summary>
    /// <returns>Whether it was not.</returns>
    /// <exception cref="InvalidDataException">Spec, root, snapshot or data are missing or damaged.</exception>
    /// <exception cref="UnjudgeableException">The snapshot or the data can have no loss.</exception>
    public async Task<bool> ScoreAsync(string run, StageId id, IReadOnlyList<string> slots, CancellationToken stop)
    {
        var documents = new RunDocuments(store, run);
        var spec = await documents.TryReadSpecAsync(stop) ?? throw documents.SpecMissing();
        var snapshot =
            (await documents.TryReadRootAsync(id, stop))?.Snapshot
            // Only a finished stage is to be scored. An error of scoring would count, and end the run.
            ?? throw new InvalidDataException(
                $"'{RunPaths.Root(run, id)}' is missing or an older one: the stage had finished, and it names no snapshot. "
                    + $"A silo recovers it within about a minute; 'slowrun checkpoints repair {run}/{id}' recovers it at once."
            );
        var plan = new RunPlan(spec.Recipe);
        var data = await tokens.GetAsync(spec.Recipe, stop);
        IReadOnlyList<TensorData>? weights = null;
        var made = false;
        if (plan.IsJudgedOnFitness(id))
        {
            await OnAsync("fitness", data.Manifest.Fitness, data.Fitness);
        }

        await OnAsync("validation", data.Manifest.Validation, data.Validation);
        return made;

        async Task OnAsync(string name, StoredTokens? stored, TokenSet? set)
        {
            if (stored is null || set is null)
            {
                throw new UnjudgeableException(
                    $"The data of run '{run}' has no {name} set to score on.",
                    "Submit it under another name with data that has one."
                );
            }

            JudgingCheck.Set(name, set);

            var scores = new RunScores(store, run);
            var rows = spec.Recipe.Evaluation.Rows;
            var fingerprint = await Task.Run(() => fingerprints.Of(slots[0], plan[id]), stop);
            if (await scores.TryReadAsync(snapshot.Sha256, stored.Sha256, rows, fingerprint, stop) is not null)
            {
                return;
            }

            using var scoring = Spans.Scoring(run, id.ToString(), name);
            weights ??= await new SnapshotStore(store, run, time).ReadAsync(snapshot.Sha256, stop);
            var p = Array.Empty<float>();
            var from = time.GetTimestamp();
            await WorkerThread.RunAsync(
                $"score {run}/{id}",
                () => p = MemberScorer.Score(plan[id], weights, set, new ComputeDevices(slots), stop)
            );
            JudgingCheck.Probabilities($"{run}/{id}", name, p);
            CrashPoint.Reached(CrashPoint.Score);
            var alone = Mixture.Of([p]);
            var loss = alone.LossNats();
            await scores.CreateAsync(
                new NewScore
                {
                    SnapshotSha256 = snapshot.Sha256,
                    SetSha256 = stored.Sha256,
                    Rows = rows,
                    NumericsFingerprint = fingerprint,
                    LossNats = loss,
                    BitsPerByte = alone.BitsPerByte(TargetBytes.Of(set)),
                },
                p,
                stop
            );
            scoring.Done();
            made = true;
            LogScored(log, $"{run}/{id}", loss, name, time.GetElapsedTime(from).TotalSeconds);
            await new RunEvents(store, run).AppendAsync(
                new RunEvent(time.GetUtcNow(), EventKind.MemberScored, id.ToString(), $"Its {name} loss is {loss:F4} nats per token."),
                stop
            );
        }
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{Member} scored: {LossNats:F4} nats per token on the {Set} set, in {Seconds:F1} s."
    )]
    private static partial void LogScored(ILogger logger, string member, double lossNats, string set, double seconds);
}
