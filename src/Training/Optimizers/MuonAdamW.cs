using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Schedules;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Optimizers;

/// <summary>
/// Upstream's optimizer over flat buffers: AdamW for tables and scalars, Muon for matrices, a few large operations a group, no wait for
/// the device. Several devices divide it (<see cref="OptimizerShard"/>): each updates its part of its own copy of the parameters and
/// holds the moments of that part alone, with the same operations on the same numbers as one device. Its whole memory is
/// <see cref="State"/>.
/// </summary>
public sealed class MuonAdamW : IDisposable
{
    private readonly IReadOnlyList<ParameterGroup> groups;
    private readonly OptimizerRecipe recipe;
    private readonly StepPath path;
    private readonly int stageSteps;
    private readonly Tensor steps;
    private IReadOnlyList<ShardOptimizer> shards;

    /// <param name="parameters">Laid out by <see cref="ParameterGroups.Layout"/> of the same groups.</param>
    public MuonAdamW(FlatParameters parameters, IReadOnlyList<ParameterGroup> groups, OptimizerRecipe recipe)
        : this(parameters, groups, recipe, StepPath.Composed) { }

    /// <summary>On one device.</summary>
    internal MuonAdamW(FlatParameters parameters, IReadOnlyList<ParameterGroup> groups, OptimizerRecipe recipe, StepPath path)
        : this(groups, recipe, path, Alone(parameters, groups)) { }

    /// <param name="places">Where each part of the model is updated; together all of it.</param>
    /// <param name="stageSteps">Of which groups may leave out the first (<see cref="ParameterGroup.FromFraction"/>).</param>
    internal MuonAdamW(
        IReadOnlyList<ParameterGroup> groups,
        OptimizerRecipe recipe,
        StepPath path,
        IReadOnlyList<ShardPlace> places,
        int stageSteps = 0
    )
    {
        (this.groups, this.recipe, this.path, this.stageSteps) = (groups, recipe, path, stageSteps);
        shards = Made(places);
        Kernels = KernelsOf(places);
        using var scope = NewDisposeScope();
        steps = zeros(1, ScalarType.Int64).DetachFromDisposeScope();
        State = StateOf(shards);
    }

    /// <summary>Moments (float32, each on the device that updates by it) and the number of steps taken (int64, on the CPU): read and
    /// written in place. Their names, order and shapes do not depend on how many devices there are.</summary>
    public IReadOnlyList<NamedTensor> State { get; private set; }

    /// <summary>Of each part's device, on <see cref="StepPath.Kernels"/>; else null.</summary>
    internal IReadOnlyList<UpdateKernels>? Kernels { get; private set; }

    /// <summary>Of each device: what it has updated since it got its part, in the unit of <see cref="UpdateUnit.Work"/>, and the numbers of
    /// its moments.</summary>
    internal IReadOnlyList<(long Work, long MomentNumbers)> Divided => [.. shards.Select(shard => (shard.Done, shard.MomentNumbers))];

    /// <summary>On one device.</summary>
    /// <param name="gradient">(Layout.Length) float32, averaged and clipped; left as it is.</param>
    public void Step(Tensor gradient, ScheduleValues values)
    {
        foreach (var update in Updates([ShardGradient.Whole(gradient)], values).Single())
        {
            update();
        }
    }

    /// <summary>
    /// A step's updates, those of each device. No two touch the same number, so that they may run on any threads at any time, each once;
    /// those that take longest come first.
    /// </summary>
    /// <param name="gradients">One for each device's part, averaged and clipped.</param>
    internal IReadOnlyList<IReadOnlyList<Action>> Updates(IReadOnlyList<ShardGradient> gradients, ScheduleValues values)
    {
        using var noGradient = no_grad();
        steps.add_(Scalars.Of(1), Scalars.One);
        var step = steps.data<long>()[0];
        return [.. shards.Zip(gradients, (shard, gradient) => shard.Updates(gradient, step, values))];
    }

    /// <summary>Other devices divide the updates from now on: the moments are copied to where they are needed. After a failure all is as
    /// before.</summary>
    internal void Move(IReadOnlyList<ShardPlace> places)
    {
        var moved = Made(places);
        try
        {
            using var noGradient = no_grad();
            foreach (var to in moved)
            {
                foreach (var from in shards)
                {
                    to.Take(from);
                }
            }
        }
        catch
        {
            Dispose(moved);
            throw;
        }

        var before = (State, shards);
        (shards, State, Kernels) = (moved, StateOf(moved), KernelsOf(places));
        DisposeViews(before.State);
        Dispose(before.shards);
    }

    /// <summary>The same devices go on, each with its part and its moments, on other copies of the parameters.</summary>
    /// <param name="parameters">One for each device, in their order.</param>
    internal void Stay(IReadOnlyList<FlatParameters> parameters)
    {
        foreach (var (shard, its) in shards.Zip(parameters))
        {
            shard.Parameters = its;
        }
    }

    public void Dispose()
    {
        DisposeViews(State);
        Dispose(shards);
        steps.Dispose();
    }

    private static ShardPlace[] Alone(FlatParameters parameters, IReadOnlyList<ParameterGroup> groups)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(groups);
        return [new ShardPlace(OptimizerShard.Of(groups, UpdateUnits.Of(groups, parameters.Layout), 1)[0], parameters, null)];
    }

    private UpdateKernels[]? KernelsOf(IReadOnlyList<ShardPlace> places) =>
        path == StepPath.Kernels ? [.. places.Select(place => place.Kernels!)] : null;

    private List<ShardOptimizer> Made(IReadOnlyList<ShardPlace> places)
    {
        var made = new List<ShardOptimizer>();
        try
        {
            foreach (var place in places)
            {
                made.Add(new ShardOptimizer(place, groups, recipe, path, stageSteps));
            }

            return made;
        }
        catch
        {
            Dispose(made);
            throw;
        }
    }

    private IReadOnlyList<NamedTensor> StateOf(IReadOnlyList<ShardOptimizer> of)
    {
        using var scope = NewDisposeScope();
        return
        [
            .. Pieces("optimizer/adamw/first", shard => shard.AdamFirst),
            .. Pieces("optimizer/adamw/second", shard => shard.AdamSecond),
            .. Pieces("optimizer/muon/first", shard => shard.MuonFirst),
            .. Pieces("optimizer/muon/second", shard => shard.MuonSecond),
            new NamedTensor("optimizer/steps", steps),
        ];

        IReadOnlyList<NamedTensor> Pieces(string name, Func<ShardOptimizer, ShardMoments> moments) =>
            NamedTensor.Pieces(
                name,
                of.Count == 1
                    ? [moments(of[0]).Numbers]
                    : [.. of.SelectMany(shard => moments(shard).Views()).OrderBy(view => view.Start).Select(view => view.Numbers)]
            );
    }

    private void DisposeViews(IReadOnlyList<NamedTensor> state)
    {
        foreach (var part in state.SelectMany(piece => piece.Parts).Where(part => !ReferenceEquals(part, steps)))
        {
            part.Dispose();
        }
    }

    private static void Dispose(IReadOnlyList<ShardOptimizer> made)
    {
        foreach (var shard in made)
        {
            shard.Dispose();
        }
    }
}
