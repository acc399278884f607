using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Training.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>The rotary table of each long window that a model grows to (<see cref="YarnRecipe"/>); without growth a single one.</summary>
internal sealed class RotaryPhases : IDisposable
{
    private readonly RotaryPhase[] phases;

    /// <param name="table">The only one; taken over.</param>
    public RotaryPhases(RotaryTable table) => phases = [new RotaryPhase(0, table, null)];

    public RotaryPhases(ModelRecipe model, Device device) =>
        phases = [
            .. YarnRecipe
                .AllWindows(model)
                .Select(window => new RotaryPhase(
                    window,
                    RotaryTable.Of(model, window, device),
                    RotaryFrequencies.ScoreScale(model, window) is not 1 and var scale ? Scalars.Of(scale) : null
                )),
        ];

    /// <summary>That of the finished model.</summary>
    public RotaryPhase Last => phases[^1];

    /// <summary>Of a pass whose long window is this one; a narrower one than all is that of the start.</summary>
    public RotaryPhase At(int longWindow) => Array.FindLast(phases, phase => phase.LongWindow <= longWindow) ?? phases[0];

    public void Dispose()
    {
        foreach (var phase in phases)
        {
            phase.Table.Dispose();
        }
    }
}

/// <param name="Scale">What queries are multiplied by behind their norm, and so attention's scores; null: nothing.</param>
internal sealed record RotaryPhase(int LongWindow, RotaryTable Table, Scalar? Scale);
