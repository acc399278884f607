using Slowrun.Core.Ledger;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Reading.Curves;
using Slowrun.Reading.Events;

namespace Slowrun.Web.Api;

/// <param name="Version">Of the API; fields may be added to an answer under the same version.</param>
/// <param name="TakesOrders">Whether it was started with a token, and so submits, pauses, resumes and cancels.</param>
public sealed record ServerAnswer(int Version, string Store, bool TakesOrders);

/// <param name="Total">Of the run, so far.</param>
/// <param name="Next">What to ask for next as <c>after</c>.</param>
public sealed record EventsAnswer(int Total, int Next, IReadOnlyList<RunEvent> Events)
{
    /// <summary>Number of the first of them; the run's oldest event has 0. To be asked for as <c>before</c>.</summary>
    public int First { get; init; }
}

/// <param name="Total">Events of the run, so far; spans and marks are told by some of them.</param>
/// <param name="First">Number of the first of those.</param>
/// <param name="Next">What to ask for next as <c>after</c>.</param>
public sealed record TimelineAnswer(IReadOnlyList<TimelineSpan> Spans, IReadOnlyList<TimelineMark> Marks, int Total, int First, int Next);

/// <param name="Training">Loss of the training steps.</param>
/// <param name="Validation">Loss of the finished stages' snapshots.</param>
/// <param name="Ensemble">Loss of the ensemble by the number of its members.</param>
public sealed record MetricsAnswer(IReadOnlyList<StageCurve> Training, IReadOnlyList<StageLoss> Validation, EnsembleStatus? Ensemble);

public sealed record StageLoss(StageId Stage, ChainRole Role, double LossNats, double? BitsPerByte);

/// <param name="Run">Null where it is not known when the run was submitted.</param>
public sealed record LedgerAnswer(RunLedger? Run, IReadOnlyList<StageLedgerAnswer> Stages);

/// <param name="Ledger">Null where the stage was never taken.</param>
public sealed record StageLedgerAnswer(StageId Stage, StageLedger? Ledger);

/// <param name="Slots">The slots, each for one stage; empty: the silo does not report them.</param>
/// <param name="Stages">Stages whose owner it is.</param>
public sealed record SiloAnswer(
    string Silo,
    string Name,
    bool Active,
    DateTimeOffset LastSign,
    IReadOnlyList<string> Slots,
    IReadOnlyList<HeldSlot> Stages
)
{
    /// <summary>Slots on which nothing trains.</summary>
    public IReadOnlyList<string> FreeSlots => [.. Slots.Except(Stages.SelectMany(held => held.Slots))];

    /// <summary>Memory and utilization of those slots that are devices; null: none is known.</summary>
    public IReadOnlyList<DeviceUse>? Devices { get; init; }

    /// <summary>What the silo's process uses of its processors; null: not known.</summary>
    public ProcessorUse? Processors { get; init; }
}

public sealed record HeldSlot(string Run, StageId Stage, IReadOnlyList<string> Slots);

/// <param name="Run">Its name.</param>
/// <param name="Spec">With every default, the hash of its data, and its operations as they are now.</param>
/// <param name="Notes">What of the submission does not count, as the run was there before.</param>
public sealed record SubmitAnswer(string Run, RunSpec Spec, IReadOnlyList<string> Notes);
