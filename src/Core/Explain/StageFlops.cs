using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Schedules;

namespace Slowrun.Core.Explain;

/// <summary>
/// What a stage computes per token, as means over its steps: a forward pass, twice as much backward, and a teacher's forward pass.
/// Stochastic depth, which skips some of it, is not counted.
/// </summary>
/// <param name="Forward">With those passes of a recurrence that have no gradient.</param>
/// <param name="Recomputed">Layers passed again for their activations; 0 where these are kept.</param>
/// <param name="Teacher">0: none teaches.</param>
/// <param name="LayersFirst">Layer applications of a forward pass at the first step.</param>
/// <param name="LayersLast">Those at the last.</param>
public sealed record StageFlops(double Forward, double Backward, double Recomputed, double Teacher, int LayersFirst, int LayersLast)
{
    public double Total => Forward + Backward + Recomputed + Teacher;

    public static StageFlops Of(StagePlan plan, StageSteps steps)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var (model, stage) = (plan.Model, plan.Stage);
        var (head, mtp) = (PassFlops.Unembedding(model), PassFlops.MtpBlock(model));
        double forward = 0,
            backward = 0,
            recomputed = 0;
        var starts = Starts(stage, steps);
        for (var i = 0; i + 1 < starts.Count; i++)
        {
            var share = (double)(starts[i + 1] - starts[i]) / steps.Steps;
            var (loop, passes, windows, layers) = StepPass.At(plan, steps, starts[i]);
            var network = PassFlops.Network(model, windows, loop, layers);
            forward += share * ((passes * network) + head + mtp);
            backward += share * 2 * (network + head + mtp);
            recomputed += stage.Recompute ? share * network : 0;
        }

        var teacher =
            plan.TeacherEnsemble is { } ensemble
                ? ensemble.Members.Sum(member => member.Models * Finished(ensemble.Model, member.Loop, member.Recurrence))
            : plan.Teacher is not null ? Finished(model, stage.Loop, stage.Recurrence)
            // Hundreds of models that are passed alike are counted once.
            : plan
                .EarlierTeachers.CountBy(earlier => (earlier.Models, earlier.Loop, earlier.Recurrence))
                .Sum(alike => alike.Value * alike.Key.Models * Finished(model, alike.Key.Loop, alike.Key.Recurrence));
        return new(forward, backward, recomputed, teacher, Layers(0), Layers(steps.Steps - 1));

        int Layers(int step)
        {
            var pass = StepPass.At(plan, steps, step);
            return pass.Passes * LayerVisits.Of(model.Layers, pass.Loop, pass.Layers).Count;
        }
    }

    /// <summary>A teacher's forward pass: always looped, and through the model's own windows.</summary>
    private static double Finished(ModelRecipe model, LoopRecipe? loop, RecurrenceRecipe? recurrence) =>
        ((recurrence?.Passes ?? 1) * PassFlops.Network(model, AttentionWindows.Of(model), loop, model.Layers))
        + PassFlops.Unembedding(model);

    /// <summary>The steps at which something about the forward pass changes, the first and the end among them.</summary>
    private static List<int> Starts(StageRecipe stage, StageSteps steps)
    {
        var starts = new SortedSet<int> { 0, steps.Steps };
        if (stage.Loop is { } loop)
        {
            starts.Add(steps.LoopFirstStep(loop));
        }

        if (stage.Recurrence is { } recurrence)
        {
            starts.Add(StageLengths.FirstStepAfter(recurrence.FromFraction, steps.Steps));
        }

        foreach (var phase in stage.Depth ?? [])
        {
            starts.Add(StageLengths.FirstStepAfter(phase.UntilFraction, steps.Steps));
        }

        foreach (var phase in stage.Windows)
        {
            starts.Add(
                (int)Math.Min(steps.Steps, ((phase.UntilEpoch * steps.MicroBatchesPerEpoch) + steps.MicroBatches - 1) / steps.MicroBatches)
            );
        }

        return [.. starts.Where(step => step <= steps.Steps)];
    }
}
