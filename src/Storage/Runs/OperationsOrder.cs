using Slowrun.Core;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;

namespace Slowrun.Storage.Runs;

/// <summary>The order to change a run's operations, by command line or API.</summary>
public sealed class OperationsOrder(IObjectStore store, TimeProvider time)
{
    /// <summary>Changes them, and notes that as an event of the run.</summary>
    /// <param name="spec">The run's, as it is now.</param>
    /// <param name="assignments">As <c>slowrun set</c> takes them: <c>priority=1</c>.</param>
    /// <param name="check">Called with the operations before and after, before they are written; throws to refuse.</param>
    /// <returns>The operations now, and what has changed.</returns>
    /// <exception cref="InvalidRequestException">An assignment would change something other than operations.</exception>
    /// <exception cref="SpecException">A value is none that its field takes.</exception>
    public async Task<(Operations Now, IReadOnlyList<SpecDifference> Changes)> ChangeAsync(
        RunSpec spec,
        IReadOnlyList<string> assignments,
        Action<Operations, Operations>? check = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(spec);
        if (OperationsChange.Forbidden(spec, assignments) is { Count: > 0 } forbidden)
        {
            throw new InvalidRequestException(
                $"Only operations of run '{spec.Name}' can change; its recipe is fixed:"
                    + string.Concat(
                        forbidden.Select(change =>
                            $"\n  {change.Path} is {SpecDifference.Text(change.There)}, and would become {SpecDifference.Text(change.Here).Trim('"')}"
                        )
                    )
                    + "\nStart another run with --set and --name."
            );
        }

        var documents = new RunDocuments(store, spec.Name);
        var submitted = (await documents.TryReadSubmittedSpecAsync(cancellationToken).ConfigureAwait(false) ?? spec).Operations;
        var before = submitted;
        var after = await documents
            .ChangeOperationsAsync(
                submitted,
                now =>
                {
                    var next = OperationsChange.Applied(spec with { Operations = before = now }, assignments);
                    check?.Invoke(now, next);
                    return next;
                },
                cancellationToken
            )
            .ConfigureAwait(false);
        var changes = SpecDifferences.Between(before, after, "operations");
        if (changes.Count > 0)
        {
            await new RunEvents(store, spec.Name)
                .AppendNowAsync(
                    time,
                    EventKind.OperationsChanged,
                    null,
                    $"The user changed {string.Join(", ", changes.Select(Sentence))}.",
                    cancellationToken
                )
                .ConfigureAwait(false);
        }

        return (after, changes);
    }

    /// <summary>For people: the field, what it was, and what it is.</summary>
    public static string Sentence(SpecDifference change)
    {
        ArgumentNullException.ThrowIfNull(change);
        return $"{change.Path}: {SpecDifference.Text(change.There)} → {SpecDifference.Text(change.Here)}";
    }
}
