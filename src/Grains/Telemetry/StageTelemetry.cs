using System.Collections.Concurrent;
using System.Diagnostics;
using Slowrun.Core.Stages;
using Slowrun.Grains.Slots;
using Slowrun.Storage.Checkpoints;

namespace Slowrun.Grains.Telemetry;

/// <summary>Metrics and traces of one owner of a stage, from its take to its end. Does not throw, and costs next to nothing without a
/// listener.</summary>
internal sealed class StageTelemetry
{
    private static readonly ConcurrentDictionary<StageTelemetry, bool> Living = new();

    private readonly KeyValuePair<string, object?> run;
    private readonly KeyValuePair<string, object?> stage;
    private readonly TagList tags;

    // The take is under way when its work is made.
    private readonly ActivityContext taken = Activity.Current?.Context ?? default;
    private ActivityContext stopAsked;
    private (DateTimeOffset At, TimeSpan Took)? captured;
    private Activity? open;
    private bool stepped;

    public StageTelemetry(string run, string stage)
    {
        this.run = new(Instruments.Run, run);
        this.stage = new(Instruments.Stage, stage);
        tags = [this.run, this.stage];
    }

    /// <summary>Of the owners that work in this process now.</summary>
    public static IEnumerable<StageTelemetry> OfLiving => Living.Keys;

    public string Run => (string)run.Value!;

    public string Stage => (string)stage.Value!;

    /// <summary>What its gauges show; null before it begins.</summary>
    public StageView? View { get; private set; }

    /// <summary>The take was written.</summary>
    /// <param name="verdict">How the owner before ended.</param>
    /// <param name="isExplained">Whether anything is known of that.</param>
    public void Taken(StageRoot? before, long lostSteps, LossVerdict verdict, bool isExplained)
    {
        var after = before switch
        {
            null or { EpochToken: 0 } => "nobody",
            { Owner: null } => "release",
            _ => "loss",
        };
        Instruments.Takes.Add(1, run, stage, new(Instruments.After, after));
        if (before?.Owner is not null)
        {
            Preempted(
                verdict == LossVerdict.Crashed ? "crash"
                : isExplained ? "killed"
                : "vanished"
            );
            Lost(lostSteps);
        }
    }

    /// <summary>The owner begins, with its restore.</summary>
    public void Begin(StageView view)
    {
        View = view;
        Living[this] = true;
        open = Tagged(Spans.Detached(Spans.Restore, taken));
    }

    /// <summary>An account had so much time in a row, and the next account follows; null: the owner ends.</summary>
    public void Turned(Account account, TimeSpan time, Account? next)
    {
        View?.Turned(next);
        if (account == Account.Stall)
        {
            Instruments.StallDuration.Record(time.TotalSeconds, tags);
        }
        else if (account == Account.Restore && next == Account.Training)
        {
            Instruments.RestoreDuration.Record(time.TotalSeconds, tags);
            open?.Dispose();
            open = Tagged(Spans.Detached(Spans.FirstStep, taken));
        }
    }

    public void Step(TimeSpan took, long tokens)
    {
        Instruments.Steps.Add(1, run, stage);
        Instruments.Tokens.Add(tokens, run, stage);
        Instruments.StepDuration.Record(took.TotalSeconds, run, stage);
        View?.Stepped(took);
        if (!stepped)
        {
            stepped = true;
            open?.Dispose();
            open = null;
            if (View?.SinceTake is { } since)
            {
                Instruments.FirstStepDuration.Record(since.TotalSeconds, tags);
            }
        }
    }

    public void Captured(DateTimeOffset at, TimeSpan took)
    {
        captured = (at, took);
        Instruments.CaptureDuration.Record(took.TotalSeconds, tags);
    }

    /// <summary>The storing and committing of what was captured, which the span covers too.</summary>
    public Activity? Checkpoint(int step)
    {
        var links = Activity.Current is null && taken != default ? new[] { new ActivityLink(taken) } : null;
        var copy = captured;
        captured = null;
        var span = Tagged(
            Spans.Source.StartActivity(
                Spans.Checkpoint,
                ActivityKind.Internal,
                default(ActivityContext),
                links: links,
                startTime: copy?.At ?? default
            )
        )
            ?.SetTag("step", step);
        if (span is not null && copy is var (at, took))
        {
            Spans
                .Source.StartActivity(Spans.Capture, ActivityKind.Internal, span.Context, startTime: at)
                ?.SetEndTime((at + took).UtcDateTime)
                .Dispose();
        }

        return span;
    }

    public TimedSpan Uploading() => new(Spans.Source.StartActivity(Spans.Upload), Instruments.UploadDuration, tags);

    public TimedSpan Committing() => new(Spans.Source.StartActivity(Spans.Commit), Instruments.CommitDuration, tags);

    public void Stored(long bytes) => Instruments.Written.Add(bytes, run, stage);

    public void Committed()
    {
        Instruments.Commits.Add(1, run, stage);
        View?.Committed();
    }

    public void NotStored() => Instruments.CheckpointFailures.Add(1, run, stage);

    public void FellBack(int damaged, long lostSteps)
    {
        Instruments.Damaged.Add(damaged, run, stage);
        Lost(lostSteps);
    }

    /// <summary>The owner is asked to stop: its later spans belong to the caller's trace.</summary>
    public void StopAsked() => stopAsked = stopAsked == default ? Activity.Current?.Context ?? default : stopAsked;

    /// <summary>From the stop to the release, the last checkpoint among it.</summary>
    public Activity? Leaving(StopReason reason) => Ending(Spans.Leave)?.SetTag("reason", reason.ToString());

    public Activity? Finishing() => Ending(Spans.Finish);

    /// <summary>The write of the root that lets another slot take the stage.</summary>
    public Activity? Releasing() => Activity.Current is null ? Ending(Spans.Release) : Tagged(Spans.Source.StartActivity(Spans.Release));

    public void Released(ReleaseCause cause, long lostSteps)
    {
        if (cause == ReleaseCause.Evicted)
        {
            Preempted("notice");
        }

        Lost(lostSteps);
    }

    /// <param name="outcome"><c>retried</c>, or <c>failed</c> where the budget is used up.</param>
    public void Failed(string outcome) => Instruments.Failures.Add(1, run, stage, new(Instruments.Outcome, outcome));

    public void Ended(StopReason reason)
    {
        Living.TryRemove(this, out _);
        (
            reason switch
            {
                StopReason.Fenced => Instruments.Fences,
                StopReason.Completed => Instruments.Finishes,
                _ => null,
            }
        )?.Add(1, run, stage);
        // A stage that ends before its first step.
        open?.SetStatus(ActivityStatusCode.Error, reason.ToString());
        open?.Dispose();
    }

    private Activity? Ending(string name)
    {
        var links = taken == default ? null : new[] { new ActivityLink(taken) };
        return Tagged(Spans.Source.StartActivity(name, ActivityKind.Internal, stopAsked, links: links));
    }

    private void Preempted(string source) => Instruments.Preemptions.Add(1, run, stage, new(Instruments.Source, source));

    private void Lost(long steps)
    {
        if (steps > 0)
        {
            Instruments.LostSteps.Add(steps, run, stage);
        }
    }

    private Activity? Tagged(Activity? span) => span?.SetTag(run.Key, run.Value).SetTag(stage.Key, stage.Value);
}
