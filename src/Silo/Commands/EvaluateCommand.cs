using System.CommandLine;
using System.Diagnostics;
using Slowrun.Core.Inference;
using Slowrun.Core.Mixtures;
using Slowrun.Core.Tokens;
using Slowrun.Silo.Hosting;
using Slowrun.Storage;
using Slowrun.Storage.Tokens;
using Slowrun.Training.Devices;
using Slowrun.Training.Evaluation;
using Slowrun.Training.Numerics;

namespace Slowrun.Silo.Commands;

/// <summary><c>eval</c>: a finished stage's loss on a set of tokens, by the scorer that judges members.</summary>
internal static class EvaluateCommand
{
    private static readonly TimeSpan BetweenAnswers = TimeSpan.FromMilliseconds(200);

    public static Command Create() =>
        JobCommand.Create<EvaluationRequest, EvaluationAnswer>(
            "eval",
            "Evaluates a finished stage for a client, which sends the request on standard input.",
            RunAsync
        );

    private static async Task RunAsync(EvaluationRequest request, IObjectStore store, Action<EvaluationAnswer> tell, CancellationToken stop)
    {
        var devices = new ComputeDevices(SlotNames.Parse(request.Device, Environment.ProcessorCount, CudaDevices.Count, "--device"));
        var inputs = await JobInputs.OpenAsync(store, request.Run, stop);
        var set = await SetAsync(request, store, stop);
        var (plan, snapshot) = await inputs.ReadAsync(request.Stage, stop);
        var targets = set.Length - 1;
        var pace = new AnswerPace(BetweenAnswers);
        tell(new EvaluationAnswer(0, targets));
        var p = Array.Empty<float>();
        await WorkerThread.RunAsync(
            "evaluation",
            () =>
                p = MemberScorer.Score(
                    plan,
                    snapshot,
                    set,
                    devices,
                    stop,
                    judged => pace.Now(() => tell(new EvaluationAnswer(judged, targets)))
                )
        );
        var alone = Mixture.Of([p]);
        tell(new EvaluationAnswer(targets, targets) { LossNats = alone.LossNats(), BitsPerByte = alone.BitsPerByte(TargetBytes.Of(set)) });
    }

    private static async Task<TokenSet> SetAsync(EvaluationRequest request, IObjectStore store, CancellationToken stop)
    {
        var directory = request.DataDirectory is { } path ? DataDirectory.Open(path) : null;
        var manifest = directory?.Manifest ?? await new StoredTokenSets(store).ReadManifestAsync(request.DataSha256, stop);
        var tokens =
            request.Set switch
            {
                EvaluationSet.Train => manifest.Train,
                EvaluationSet.Fitness => manifest.Fitness,
                _ => manifest.Validation,
            } ?? throw new InvalidDataException($"The data has no {request.Set} set.");
        var set = directory is null
            ? await new LocalTokenSets(store).ReadAsync(manifest, tokens, stop)
            : await directory.ReadAsync(tokens, stop);
        return set.Length > 1
            ? set
            : throw new InvalidDataException(
                $"The {request.Set} set has {set.Length} tokens; a loss takes 2 at least, a token and its target."
            );
    }

    /// <summary>Lets one call pass per interval.</summary>
    private sealed class AnswerPace(TimeSpan between)
    {
        private long last = Stopwatch.GetTimestamp();

        public void Now(Action call)
        {
            var before = Interlocked.Read(ref last);
            if (
                Stopwatch.GetElapsedTime(before) >= between
                && Interlocked.CompareExchange(ref last, Stopwatch.GetTimestamp(), before) == before
            )
            {
                call();
            }
        }
    }
}
