using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;

namespace Slowrun.Core.Explain;

/// <summary>The tensors of a stage's checkpoint, without the stage: what the engine captures, by its names and in its order.</summary>
public sealed class StateTensors
{
    /// <summary>The training loss of every step so far, one float32 for each step of the stage.</summary>
    public const string Losses = "losses";

    // As the engine's: a checkpoint's tensor must stay under 2 GiB.
    private const long PieceLength = 1L << 28;

    public StateTensors(StagePlan plan, int steps)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var table = ParameterTable.Of(plan.Model);
        var groups = ParameterGroups.Of(table, plan.Model, plan.Stage);
        var layout = ParameterGroups.Layout(table, groups);
        var muon = groups.Zip(layout.Groups).Where(group => group.First.Kind == OptimizerKind.Muon).ToList();
        var muonStart = muon.Select(group => group.Second.Start).DefaultIfEmpty(layout.Length).First();
        FlatLength = layout.Length;
        Weights = [.. Pieces("parameters", FlatLength)];
        Moments =
        [
            .. Pieces("optimizer/adamw/first", muonStart),
            .. Pieces("optimizer/adamw/second", muonStart),
            .. Pieces("optimizer/muon/first", FlatLength - muonStart),
            // One number for each row of a tall matrix, or column of a wide one.
            .. Pieces(
                "optimizer/muon/second",
                muon.Sum(group => group.First.Parameters.Sum(matrix => Math.Max(matrix.Shape[0], matrix.Shape[1])))
            ),
            One("optimizer/steps"),
        ];
        Averages = [.. Kept(plan.Stage.Selection)];
        All = [.. Weights, .. Moments, .. Averages, new TensorLayout(Losses, ElementType.F32, [steps]), One("step"), One("micro-batches")];
    }

    /// <summary>Numbers in one flat buffer of the model, the gaps between optimizer groups included.</summary>
    public long FlatLength { get; }

    public IReadOnlyList<TensorLayout> Weights { get; }

    public IReadOnlyList<TensorLayout> Moments { get; }

    /// <summary>Averages, best and late weights.</summary>
    public IReadOnlyList<TensorLayout> Averages { get; }

    public IReadOnlyList<TensorLayout> All { get; }

    private IEnumerable<TensorLayout> Kept(SelectionRecipe selection) =>
        [
            .. selection.Rule == SelectionRule.BestValidation
                ? [.. Pieces("best/parameters", FlatLength), new TensorLayout("best/loss", ElementType.F64, [1])]
                : Array.Empty<TensorLayout>(),
            .. selection.Ema is null ? [] : (TensorLayout[])[.. Pieces("average/ema", FlatLength), One("average/ema-updates")],
            .. selection.Swa is null ? [] : (TensorLayout[])[.. Pieces("average/swa", FlatLength), One("average/swa-count")],
            .. Enumerable
                .Range(0, selection.LateCheckpoints - 1)
                .SelectMany(i => Pieces(FormattableString.Invariant($"late/{i}"), FlatLength)),
        ];

    private static TensorLayout One(string name) => new(name, ElementType.I64, [1]);

    private static IEnumerable<TensorLayout> Pieces(string name, long length)
    {
        if (length <= PieceLength)
        {
            return [new TensorLayout(name, ElementType.F32, [length])];
        }

        return Enumerable
            .Range(0, checked((int)((length + PieceLength - 1) / PieceLength)))
            .Select(i => new TensorLayout(
                FormattableString.Invariant($"{name}.{i}"),
                ElementType.F32,
                [Math.Min(PieceLength, length - (i * PieceLength))]
            ));
    }
}
