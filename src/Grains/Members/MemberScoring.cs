using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Slowrun.Core.Mixtures;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Tokens;
using Slowrun.Grains.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Training.Evaluation;
using Slowrun.Training.Numerics;
using Slowrun.Training.Stages;

namespace Slowrun.Grains.Members;

/// <summary>Judges a finished stage's snapshot on the validation set: p(target) of every token, kept, so that mixtures need no model.</summary>
internal sealed partial class MemberScoring(IObjectStore store, TokenSets tokens, Fingerprints fingerprints, TimeProvider time, ILogger<MemberScoring> log)
{
    private readonly ConcurrentDictionary<string, bool> toldFailures = new(StringComparer.Ordinal);

    /// <summary>Scores the stage's snapshot unless that was done.</summary>
    /// <exception cref="InvalidDataException">Snapshot or data are damaged.</exception>
    public async Task ScoreAsync(string run, StageId id, IReadOnlyList<string> slots, CancellationToken stop)
    {
        var documents = new RunDocuments(store, run);
        var spec = await documents.TryReadSpecAsync(stop) ?? throw new InvalidOperationException($"There is no run '{run}' in {store.Address}.");
        var snapshot = (await documents.TryReadRootAsync(id, stop))?.Snapshot ?? throw new InvalidOperationException($"{run}/{id} has no snapshot yet.");
        var plan = new RunPlan(spec.Recipe)[id];
        var data = await tokens.GetAsync(spec.Recipe.Data.Sha256!, stop);
        var set = data.Manifest.Validation ?? throw new InvalidDataException($"The data of run '{run}' has no validation set to score on.");

        var scores = new RunScores(store, run);
        var fingerprint = fingerprints.Of(slots[0]);
        if (await scores.TryReadAsync(snapshot.Sha256, set.Sha256, plan.Evaluation.Rows, fingerprint, stop) is not null)
        {
            return;
        }

        var weights = await new SnapshotStore(store, run, time).ReadAsync(snapshot.Sha256, stop);
        var p = Array.Empty<float>();
        var from = time.GetTimestamp();
        await WorkerThread.RunAsync(
            $"score {run}/{id}",
            () => p = MemberScorer.Score(plan, weights, data.Validation!, new ComputeDevices(slots), stop));
        CrashPoint.Reached(CrashPoint.Score);
        var alone = Mixture.Of([p]);
        var loss = alone.LossNats();
        await scores.CreateAsync(
            new MemberScore
            {
                SnapshotSha256 = snapshot.Sha256,
                SetSha256 = set.Sha256,
                Rows = plan.Evaluation.Rows,
                NumericsFingerprint = fingerprint,
                Tokens = p.Length,
                LossNats = loss,
                BitsPerByte = alone.BitsPerByte(TargetBytes.Of(data.Validation!)),
                Vector = "",
                VectorXxHash128 = "",
            },
            p,
            stop);
        LogScored(log, $"{run}/{id}", loss, time.GetElapsedTime(from).TotalSeconds);
        await new RunEvents(store, run).AppendAsync(
            new RunEvent(time.GetUtcNow(), "member-scored", id.ToString(), $"Its validation loss is {loss:F4} nats per token."), stop);
    }

    /// <summary>Tells people that a member could not be scored, once for each cause. Never fails.</summary>
    public async Task TellFailureAsync(string run, StageId id, Exception error)
    {
        if (toldFailures.TryAdd($"{run}/{id} {error.Message}", true))
        {
            try
            {
                await new RunEvents(store, run).AppendAsync(new RunEvent(
                    time.GetUtcNow(), "scoring-failed", id.ToString(), $"It could not be scored and is tried again: {error.Message.Split('\n', 2)[0]}"));
            }
            catch (IOException)
            {
                // The log has it.
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Member} scored: {LossNats:F4} nats per token on the validation set, in {Seconds:F1} s.")]
    private static partial void LogScored(ILogger logger, string member, double lossNats, double seconds);
}
