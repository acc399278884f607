using System.Runtime.CompilerServices;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;

namespace Slowrun.Reading.Curves;

/// <summary>A stage's loss curve, as far as it is durable.</summary>
/// <param name="Problem">Why there is no curve although the stage has checkpoints; null: there is no problem.</param>
public sealed record DurableCurve(StagePlan Plan, StageRoot Root, LossCurve? Curve, string? Problem)
{
    // A curve is three small reads; a cloud store answers some at once as fast as one.
    private const int ReadAtOnce = 8;

    /// <param name="only">A stage; null: all of the run.</param>
    public static async IAsyncEnumerable<DurableCurve> ReadAsync(
        IObjectStore store,
        RunFacts facts,
        StageId? only,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        var curves = new CurveReader(store, facts.Spec.Name);
        var stages = facts.Plan.Stages.Where(stage => (only is null || stage.Id == only) && facts.RootOf(stage.Id).Current is not null);
        foreach (var some in stages.Chunk(ReadAtOnce))
        {
            foreach (var curve in await Task.WhenAll(some.Select(Read)))
            {
                yield return curve;
            }
        }

        async Task<DurableCurve> Read(StagePlan stage)
        {
            var root = facts.RootOf(stage.Id);
            try
            {
                return new DurableCurve(stage, root, await curves.TryReadAsync(stage.Id, cancellationToken), null);
            }
            catch (InvalidDataException e)
            {
                return new DurableCurve(stage, root, null, e.Message);
            }
        }
    }
}
