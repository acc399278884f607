using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;

namespace Slowrun.Storage.Runs;

/// <summary>The documents that people write, as they were read together.</summary>
internal sealed record RunOrders(CopiedRead<RunSpec> Spec, CopiedRead<RunIntent> Intent, CopiedRead<Operations> Operations, RunPlan? Plan)
{
    public static async Task<RunOrders> ReadAsync(IObjectStore store, string run, CancellationToken cancellationToken)
    {
        var intent = store.ReadCopiedAsync<RunIntent>(RunPaths.Intent(run), cancellationToken);
        var operations = store.ReadCopiedAsync<Operations>(RunPaths.Operations(run), cancellationToken);
        var spec = await store.ReadCopiedAsync<RunSpec>(RunPaths.Spec(run), cancellationToken).ConfigureAwait(false);
        return new RunOrders(
            spec,
            await intent.ConfigureAwait(false),
            await operations.ConfigureAwait(false),
            spec.Value is { } submitted ? new RunPlan(submitted.Recipe) : null
        );
    }

    /// <summary>Those of them that cannot be read.</summary>
    public IEnumerable<DocumentDamage> Damage(string run) =>
        [
            .. Of(DocumentKind.Spec, RunPaths.Spec(run), Spec, ""),
            .. Of(
                DocumentKind.Operations,
                RunPaths.Operations(run),
                Operations,
                $"The spec's own operations hold until 'slowrun set {run} …' gives others."
            ),
            .. Of(
                DocumentKind.Intent,
                RunPaths.Intent(run),
                Intent,
                $"Nothing of the run is taken until 'slowrun resume {run}', 'pause' or 'cancel' gives the order anew."
            ),
        ];

    private static IEnumerable<DocumentDamage> Of<T>(DocumentKind what, string name, CopiedRead<T> read, string without)
        where T : class
    {
        if (read.Damage is { } why)
        {
            yield return new DocumentDamage(
                what,
                name,
                why,
                read.Value is null ? without : "Its copy is used, and a silo or 'slowrun checkpoints repair' puts it back."
            )
            {
                FromCopy = read.Value is not null,
            };
        }
    }
}
