using System.Diagnostics.Metrics;

namespace Slowrun.Grains.Telemetry;

/// <summary>
/// What a silo counts and times, as docs/telemetry.md explains it: names as OpenTelemetry wants them, units as UCUM writes them. Without a
/// listener an instrument costs a comparison.
/// </summary>
internal static class Instruments
{
    /// <summary>Of every meter and of the activity source of this room.</summary>
    public const string Name = "Slowrun";

    public const string Run = "run";
    public const string Stage = "stage";
    public const string Slot = "slot";
    public const string Source = "source";
    public const string After = "after";
    public const string Outcome = "outcome";
    public const string Kind = "kind";
    public const string Account = "account";
    public const string State = "state";
    public const string Work = "work";

    internal static readonly Meter Meter = new(Name);

    // A memory copy of a small model takes a millisecond, an upload of many gigabytes a quarter of an hour: three buckets a decade tell
    // them apart.
    private static readonly InstrumentAdvice<double> Durations = new()
    {
        HistogramBucketBoundaries = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000],
    };

    public static readonly Counter<long> Steps = Meter.CreateCounter<long>(
        "slowrun.stage.steps",
        "{step}",
        "Optimizer steps done by this silo."
    );
    public static readonly Counter<long> Tokens = Meter.CreateCounter<long>(
        "slowrun.stage.tokens",
        "{token}",
        "Training tokens that went through these steps."
    );
    public static readonly Histogram<double> StepDuration = Duration("slowrun.stage.step.duration", "Training time of an optimizer step.");

    public static readonly Counter<long> Takes = Meter.CreateCounter<long>("slowrun.stage.takes", "{take}", "Stages taken by this silo.");
    public static readonly Counter<long> Fences = Meter.CreateCounter<long>(
        "slowrun.stage.fences",
        "{fence}",
        "Owners of this silo that stopped since another had taken over."
    );
    public static readonly Counter<long> Failures = Meter.CreateCounter<long>(
        "slowrun.stage.failures",
        "{failure}",
        "Takes of this silo that ended with an error."
    );
    public static readonly Counter<long> Finishes = Meter.CreateCounter<long>(
        "slowrun.stage.finishes",
        "{stage}",
        "Stages finished by this silo."
    );
    public static readonly Counter<long> Preemptions = Meter.CreateCounter<long>(
        "slowrun.stage.preemptions",
        "{preemption}",
        "Owners lost: those that left on a notice, counted by their own silo, and those found gone, counted by the silo that took over."
    );
    public static readonly Counter<long> LostSteps = Meter.CreateCounter<long>(
        "slowrun.stage.lost_steps",
        "{step}",
        "Steps known to have been trained and lost."
    );
    public static readonly Counter<long> Notices = Meter.CreateCounter<long>(
        "slowrun.silo.notices",
        "{notice}",
        "Announcements that this machine goes away."
    );

    public static readonly Histogram<double> RestoreDuration = Duration(
        "slowrun.stage.restore.duration",
        "From a take to training: data, teacher, checkpoint, building the model."
    );
    public static readonly Histogram<double> FirstStepDuration = Duration(
        "slowrun.stage.first_step.duration",
        "From a take to the end of its first step."
    );

    public static readonly Histogram<double> CaptureDuration = Duration(
        "slowrun.checkpoint.capture.duration",
        "The memory copy of a checkpoint, which the trainer waits for."
    );
    public static readonly Histogram<double> UploadDuration = Duration(
        "slowrun.checkpoint.upload.duration",
        "Hashing and storing the parts and the manifest of a checkpoint."
    );
    public static readonly Histogram<double> CommitDuration = Duration(
        "slowrun.checkpoint.commit.duration",
        "The write of the root that makes a checkpoint count."
    );
    public static readonly Histogram<double> StallDuration = Duration(
        "slowrun.checkpoint.stall.duration",
        "Time that a trainer waited for a checkpoint: the memory copy, and at a stage's or its owner's end the upload."
    );
    public static readonly Counter<long> Commits = Meter.CreateCounter<long>(
        "slowrun.checkpoint.commits",
        "{checkpoint}",
        "Checkpoints committed, final states among them."
    );
    public static readonly Counter<long> Written = Meter.CreateCounter<long>(
        "slowrun.checkpoint.written",
        "By",
        "Size of the checkpoints that were stored."
    );
    public static readonly Counter<long> CheckpointFailures = Meter.CreateCounter<long>(
        "slowrun.checkpoint.failures",
        "{checkpoint}",
        "Checkpoints that could not be stored."
    );
    public static readonly Counter<long> Damaged = Meter.CreateCounter<long>(
        "slowrun.checkpoint.damaged",
        "{checkpoint}",
        "Checkpoints found damaged when a stage was restored."
    );

    public static readonly Histogram<double> ScoreDuration = Duration(
        "slowrun.score.duration",
        "Judging a member on a set, or averaging the members."
    );

    private static Histogram<double> Duration(string name, string description) =>
        Meter.CreateHistogram(name, "s", description, tags: null, Durations);
}
