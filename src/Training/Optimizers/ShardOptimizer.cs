using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Schedules;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Optimizers;

/// <summary>The updates of one device's part of the model, and the moments of that part.</summary>
internal sealed class ShardOptimizer : IDisposable
{
    private readonly OptimizerShard shard;
    private readonly OptimizerRecipe recipe;

    // Steps of the stage that a group leaves out, by its number.
    private readonly Dictionary<int, int> before = [];
    private readonly Dictionary<int, AdamWGroup> adamW = [];
    private readonly Dictionary<int, MuonGroup> muon = [];
    private readonly List<ShardMoments> made = [];
    private long done;

    /// <param name="stageSteps">Steps of the stage.</param>
    public ShardOptimizer(ShardPlace place, IReadOnlyList<ParameterGroup> groups, OptimizerRecipe recipe, StepPath path, int stageSteps)
    {
        (shard, Parameters, this.recipe) = (place.Shard, place.Parameters, recipe);
        foreach (var number in shard.Units.Select(unit => unit.Group).Distinct())
        {
            before.Add(number, StageLengths.FirstStepAfter(groups[number].FromFraction, stageSteps));
            if (groups[number].Kind == OptimizerKind.AdamW)
            {
                adamW.Add(number, new AdamWGroup(groups[number], path, place.Kernels));
            }
            else
            {
                muon.Add(number, new MuonGroup(groups[number], path, place.Kernels));
            }
        }

        try
        {
            AdamFirst = Moments(shard.AdamW);
            AdamSecond = Moments(shard.AdamW);
            MuonFirst = Moments(shard.Muon);
            MuonSecond = Moments(shard.Second);
        }
        catch
        {
            Dispose();
            throw;
        }

        ShardMoments Moments(FlatSelection held)
        {
            made.Add(new ShardMoments(held, Parameters.Device));
            return made[^1];
        }
    }

    /// <summary>All of them, on this device, whose part is updated.</summary>
    public FlatParameters Parameters { get; set; }

    public ShardMoments AdamFirst { get; }

    public ShardMoments AdamSecond { get; }

    public ShardMoments MuonFirst { get; }

    public ShardMoments MuonSecond { get; }

    /// <summary>Work of the updates made so far.</summary>
    public long Done => Interlocked.Read(ref done);

    public long MomentNumbers => made.Sum(moments => moments.Numbers.numel());

    /// <summary>One for each unit, those that take longest first.</summary>
    /// <param name="step">This step's number, from 1.</param>
    public IReadOnlyList<Action> Updates(ShardGradient gradient, long step, ScheduleValues values) =>
        [
            // Orthogonalization is many matrix products, AdamW reads every number once.
            .. shard
                // A gradient of 0 is not enough: Muon's decay does not ask for one.
                .Units.Where(unit => step > before[unit.Group])
                .OrderBy(unit => adamW.ContainsKey(unit.Group))
                .ThenByDescending(unit => unit.Range.Length)
                .Select(unit =>
                    (Action)(
                        () =>
                        {
                            // What autograd records, and who disposes what, are the thread's.
                            using var noGradient = no_grad();
                            using var scope = NewDisposeScope();
                            Update(unit, gradient, step, values);
                            Interlocked.Add(ref done, unit.Work);
                        }
                    )
                ),
        ];

    /// <summary>Copies those of another's moments that are this one's now.</summary>
    public void Take(ShardOptimizer from)
    {
        foreach (var (mine, others) in made.Zip(from.made))
        {
            mine.Take(others);
        }
    }

    public void Dispose()
    {
        foreach (var moments in made)
        {
            moments.Dispose();
        }
    }

    private void Update(UpdateUnit unit, ShardGradient gradient, long step, ScheduleValues values)
    {
        var p = Parameters.Flat.narrow(0, unit.Range.Start, unit.Range.Length);
        var g = gradient.Of(unit.Range);
        if (adamW.TryGetValue(unit.Group, out var group))
        {
            group.Step(p, g, AdamFirst.Of(unit.Range), AdamSecond.Of(unit.Range), step - before[unit.Group], values);
            return;
        }

        muon[unit.Group].Step(p, g, MuonFirst.Of(unit.Range), MuonSecond.Of(unit.Second), values, recipe);
    }
}
