using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Schedules;
using Slowrun.Core.Tensors;
using Slowrun.Training.Averaging;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Stages;

/// <summary>The weights that a stage keeps during training, and those that it keeps in the end.</summary>
internal sealed class WeightSelection : IDisposable
{
    private readonly SelectionRecipe recipe;
    private readonly StageSteps steps;
    private readonly FlatParameters parameters;
    private readonly BestWeights? best;
    private readonly ExponentialAverage? ema;
    private readonly WeightAverage? swa;
    private readonly LateWeights? late;
    private int judged = -1;

    /// <param name="apart">Whether what is kept lies in the host's memory and the parameters do not.</param>
    public WeightSelection(StageRecipe stage, StageSteps steps, FlatParameters parameters, bool apart)
    {
        var memory = new HostMemory(parameters.Device, apart);
        recipe = stage.Selection;
        this.steps = steps;
        this.parameters = parameters;
        var length = parameters.Layout.Length;
        best = recipe.Rule == SelectionRule.BestValidation ? new BestWeights(parameters, memory) : null;
        ema = recipe.Ema is not { } average
            ? null
            : new ExponentialAverage(
                length,
                parameters.Device,
                average.Form,
                average.DecayPerEpoch is { } perEpoch
                    ? AveragingSteps.DecayPerUpdate(perEpoch, average.Every, steps.Steps, stage.Epochs)
                    : average.Decay,
                apart
            );
        swa = recipe.Swa is { } mean ? new WeightAverage(length, parameters.Device, mean.ByRecency, apart) : null;
        late = recipe.LateCheckpoints > 1 ? new LateWeights(parameters, recipe.LateCheckpoints - 1, memory) : null;
        State = [.. best?.State ?? [], .. ema?.State ?? [], .. swa?.State ?? [], .. late?.State ?? []];
    }

    public IReadOnlyList<NamedTensor> State { get; }

    /// <summary>Looks at the weights after a step.</summary>
    public void Update(int stepsDone)
    {
        if (ema is not null && AveragingSteps.IsUpdate(stepsDone, steps.Steps, recipe.Ema!.FromFraction, recipe.Ema.Every))
        {
            ema.Update(parameters.Flat);
        }

        if (swa is not null && steps.EndsLateEpoch(stepsDone, recipe.Swa!.LastEpochs))
        {
            swa.Add(parameters.Flat);
        }

        if (stepsDone < steps.Steps && steps.EndsLateEpoch(stepsDone, recipe.LateCheckpoints))
        {
            late?.Push();
        }
    }

    /// <summary>Whether <see cref="Judge"/> would look at the present weights, and may keep them.</summary>
    public bool IsToJudge(int stepsDone) => best is not null && judged != stepsDone && steps.EndedEpoch(stepsDone) is not null;

    /// <summary>
    /// Judges the present weights if a data epoch has just ended. Before the next step rather than after the last, so that a stop can
    /// interrupt it: what follows is the same whether they have been judged yet or not.
    /// </summary>
    /// <param name="validationLoss">Null: stopped.</param>
    /// <returns>False: stopped.</returns>
    public bool Judge(int stepsDone, Func<double?> validationLoss)
    {
        if (best is null || !IsToJudge(stepsDone))
        {
            return true;
        }

        if (validationLoss() is not { } loss)
        {
            return false;
        }

        best.Offer(loss);
        judged = stepsDone;
        return true;
    }

    /// <summary>The weights that a finished stage keeps. Leaves all state as it was.</summary>
    /// <param name="fitnessLoss">Of the present parameters. Null: stopped.</param>
    /// <returns>Null: stopped.</returns>
    public IReadOnlyList<TensorData>? Chosen(Func<double?> fitnessLoss)
    {
        switch (recipe.Rule)
        {
            case SelectionRule.BestValidation:
                return best!.Export();
            case SelectionRule.Averaged when HasAverage:
                using (var average = Average())
                {
                    return FlatBuffer.Export(parameters.Layout, average);
                }

            case SelectionRule.BestFitness when HasAverage:
                return Fittest(fitnessLoss);
            default:
                // A stage shorter than its averaging's interval has no average: its last weights are all there is.
                return [.. parameters.Export(), .. late?.Export(recipe.LateByRecency == true) ?? []];
        }
    }

    public void Dispose()
    {
        best?.Dispose();
        ema?.Dispose();
        swa?.Dispose();
        late?.Dispose();
    }

    private bool HasAverage => swa is { Count: > 0 } || ema is { Updates: > 0 };

    private Tensor Average()
    {
        var average = parameters.Flat.clone().DetachFromDisposeScope();
        if (swa is { Count: > 0 })
        {
            swa.CopyInto(average);
        }
        else
        {
            ema!.BlendInto(average, recipe.Ema!.LastShare);
        }

        return average;
    }

    private IReadOnlyList<TensorData>? Fittest(Func<double?> fitnessLoss)
    {
        if (fitnessLoss() is not { } last)
        {
            return null;
        }

        using var average = Average();
        using var kept = parameters.Flat.clone().DetachFromDisposeScope();
        using var noGradient = no_grad();
        try
        {
            parameters.Flat.copy_(average);
            return fitnessLoss() is not { } averaged ? null : FlatBuffer.Export(parameters.Layout, averaged < last ? average : kept);
        }
        finally
        {
            parameters.Flat.copy_(kept);
        }
    }
}
