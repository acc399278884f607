using System.Diagnostics;
using Slowrun.Core.Stages;

namespace Slowrun.Grains.Telemetry;

/// <summary>
/// Traces, as docs/telemetry.md draws them. One of a hand-over goes on in the silo that takes next: the root document bears the context in
/// which it was written.
/// </summary>
internal static class Spans
{
    public const string Notice = "silo.notice";
    public const string SiloLeave = "silo.leave";
    public const string Take = "stage.take";
    public const string Restore = "stage.restore";
    public const string FirstStep = "stage.first_step";
    public const string Checkpoint = "stage.checkpoint";
    public const string Capture = "checkpoint.capture";
    public const string Upload = "checkpoint.upload";
    public const string Commit = "checkpoint.commit";
    public const string Leave = "stage.leave";
    public const string Release = "stage.release";
    public const string Finish = "stage.finish";
    public const string Score = "member.score";
    public const string Mix = "ensemble.mix";

    public static readonly ActivitySource Source = new(Instruments.Name);

    /// <summary>A platform's announcement; the spans of this silo's reaction are its children.</summary>
    public static Activity? Noticed(string source, string what)
    {
        Instruments.Notices.Add(1, new KeyValuePair<string, object?>(Instruments.Source, source));
        return Source.StartActivity(Notice)?.SetTag(Instruments.Source, source).SetTag("event", what);
    }

    /// <param name="kind">Of the event, as in <c>preemption-notice</c>.</param>
    public static Activity? Leaving(string silo, string kind) =>
        Source.StartActivity(SiloLeave)?.SetTag("silo", silo).SetTag(Instruments.Kind, kind);

    /// <summary>
    /// A take goes on in the trace of the owner that handed over. One after a loss, a pause or an error, possibly days later, begins its
    /// own and points to the last that the stage's root was written in.
    /// </summary>
    public static Activity? Taking(string run, string stage, StageRoot? before, string silo)
    {
        var known = ActivityContext.TryParse(before?.TraceParent, null, isRemote: true, out var last);
        var handedOver = known && before is { Owner: null, ReleasedFor: ReleaseCause.Left or ReleaseCause.Evicted };
        return Source
            .StartActivity(
                Take,
                ActivityKind.Internal,
                handedOver ? last : default,
                links: known && !handedOver ? [new ActivityLink(last)] : null
            )
            ?.SetTag(Instruments.Run, run)
            .SetTag(Instruments.Stage, stage)
            .SetTag("silo", silo);
    }

    /// <param name="set">Of the data, as in <c>validation</c>.</param>
    public static TimedSpan Scoring(string run, string stage, string set) =>
        new(
            Source.StartActivity(Score)?.SetTag(Instruments.Run, run).SetTag(Instruments.Stage, stage).SetTag("set", set),
            Instruments.ScoreDuration,
            [new(Instruments.Run, run), new(Instruments.Kind, set)]
        );

    public static TimedSpan Mixing(string run, int members) =>
        new(
            Source.StartActivity(Mix)?.SetTag(Instruments.Run, run).SetTag("members", members),
            Instruments.ScoreDuration,
            [new(Instruments.Run, run), new(Instruments.Kind, "ensemble")]
        );

    /// <summary>One that lasts longer than the call that begins it, and does not become the current one.</summary>
    public static Activity? Detached(string name, ActivityContext parent)
    {
        var current = Activity.Current;
        var span = Source.StartActivity(name, ActivityKind.Internal, parent);
        Activity.Current = current;
        return span;
    }
}
