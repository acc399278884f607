using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;

namespace Slowrun.Client.Results;

/// <summary>A stage whose weights can be used.</summary>
internal sealed record FinishedStage(StageId Id, SnapshotRef Snapshot)
{
    /// <exception cref="InvalidRequestException">No stage is named.</exception>
    /// <exception cref="CliException">The run has no such stage.</exception>
    /// <exception cref="NotPossibleException">It has not finished.</exception>
    public static FinishedStage Of(RunFacts facts, Target whom)
    {
        if (whom.Stage is not { } id)
        {
            throw new InvalidRequestException(
                $"'{whom.Run}' is a whole run; name one of its stages: {string.Join(", ", facts.Plan.Stages.Select(plan => $"{whom.Run}/{plan.Id}"))}."
            );
        }

        whom.CheckIsIn(facts);
        var root = facts.RootOf(id);
        return root.Snapshot is { } snapshot
            ? new FinishedStage(id, snapshot)
            : throw new NotPossibleException(
                FormattableString.Invariant(
                    $"'{whom}' has not finished (it is {Readiness.StateOf(facts, id)}, step {root.DurableStep} is durable), so there are no weights of it yet. 'slowrun status {whom.Run}' shows how far it is."
                )
            );
    }
}
