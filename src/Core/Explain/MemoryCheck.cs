using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Explain;

/// <summary>Compares the memory that a run's stages need with that of a slot, and tries the options that reduce it.</summary>
public static class MemoryCheck
{
    /// <param name="trainTokens">Of the data itself; null: what the recipe asks for.</param>
    /// <param name="slots">The slots that are known; empty: there is nothing to compare with.</param>
    /// <returns>Null where every stage fits one of the slots, else what the largest of them lacks.</returns>
    public static MemoryShortage? Of(RunSpec spec, long? trainTokens, IReadOnlyCollection<SlotMemory> slots)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(slots);
        var stages = Memories(spec, trainTokens);
        if (stages.Count == 0)
        {
            return null;
        }

        var lacking = slots.Select(slot => Of(spec, trainTokens, slot, stages)).ToList();
        return lacking.Any(one => one is null) ? null : lacking.MaxBy(one => one!.Slot.Bytes);
    }

    /// <inheritdoc cref="Of(RunSpec, long?, IReadOnlyCollection{SlotMemory})"/>
    public static MemoryShortage? Of(RunSpec spec, long? trainTokens, SlotMemory slot)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(slot);
        var stages = Memories(spec, trainTokens);
        return stages.Count == 0 ? null : Of(spec, trainTokens, slot, stages);
    }

    /// <summary>One stage alone, which is about to be trained.</summary>
    public static MemoryShortage? Of(RunSpec spec, StagePlan stage, StageSteps steps, long trainTokens, SlotMemory slot)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(slot);
        var memory = StageMemory.Of(stage, steps);
        return memory.On(slot) <= slot.Bytes ? null : Shortage(spec, trainTokens, slot, stage.Id.ToString(), memory);
    }

    private static MemoryShortage? Of(
        RunSpec spec,
        long? trainTokens,
        SlotMemory slot,
        IReadOnlyList<(string Stage, StageMemory Memory)> stages
    )
    {
        var (stage, memory) = stages.MaxBy(one => one.Memory.On(slot));
        return memory.On(slot) <= slot.Bytes ? null : Shortage(spec, trainTokens, slot, stage, memory);
    }

    private static MemoryShortage Shortage(RunSpec spec, long? trainTokens, SlotMemory slot, string stage, StageMemory memory)
    {
        var needed = memory.On(slot);
        var fewer = Fewer(slot, memory);
        var tried = new List<MemoryOption>();
        // Few changes first: each of them costs speed.
        foreach (var together in Combinations(spec.Recipe, slot))
        {
            var options = together.Select(change => Tried(spec, trainTokens, slot, change)).OfType<MemoryOption>().ToList();
            tried.AddRange(options);
            var fitting = options.Where(option => option.Bytes <= slot.Bytes).DistinctBy(Kinds).ToList();
            if (fitting.Count > 0)
            {
                return new(stage, needed, slot, fitting, null) { FewerWorkers = fewer };
            }
        }

        return new(stage, needed, slot, [], tried.Where(option => option.Bytes < needed).MinBy(option => option.Bytes))
        {
            FewerWorkers = fewer,
        };
    }

    /// <summary>The largest number of processors for which the memory suffices. Null: it suffices for none, or the slot is a
    /// device.</summary>
    private static (int Workers, long Bytes)? Fewer(SlotMemory slot, StageMemory memory)
    {
        for (var workers = Math.Min(slot.Workers, memory.Lanes) / 2; workers >= 1 && !slot.IsDevice; workers /= 2)
        {
            if (memory.OnProcessors(workers) is var bytes && bytes <= slot.Bytes)
            {
                return (workers, bytes);
            }
        }

        return null;
    }

    /// <summary>Of several row counts the first one that fits is the largest.</summary>
    private static string Kinds(MemoryOption option) => string.Join(' ', option.Set.Select(one => one.Split('=')[0]));

    /// <summary>Changes of one kind, then of two, then of three; then with a single lane.</summary>
    private static IEnumerable<IReadOnlyList<Change>> Combinations(Recipe recipe, SlotMemory slot)
    {
        List<Change> recompute = recipe.Stage.Recompute
            ? []
            : [new(["stage.recompute=true"], r => r with { Stage = r.Stage with { Recompute = true } })];
        var rows = new List<Change>();
        for (var fewer = recipe.Stage.DeviceRows / 2; fewer >= 1; fewer /= 2)
        {
            var count = fewer;
            rows.Add(
                new([FormattableString.Invariant($"stage.deviceRows={count}")], r => r with { Stage = r.Stage with { DeviceRows = count } })
            );
        }

        // Processors are slower with them.
        List<Change> products =
            recipe.Model.Products == MatrixPrecision.BF16 || !slot.IsDevice
                ? []
                : [new(["model.products=BF16"], r => r with { Model = r.Model with { Products = MatrixPrecision.BF16 } })];
        yield return [.. recompute, .. rows, .. products];
        yield return [.. Both(recompute, products), .. Both(recompute, rows), .. Both(products, rows)];
        yield return [.. Both(Both(recompute, products), rows)];

        // Last: a single lane needs one gradient instead of two, but then no second device or processor can help, and micro-steps have
        // other rows.
        List<Change> lanes = recipe.Stage.Lanes == 1 ? [] : [new(["stage.lanes=1"], r => r with { Stage = r.Stage with { Lanes = 1 } })];
        yield return [.. Both(recompute, lanes), .. Both(rows, lanes), .. Both(products, lanes)];
        yield return
        [
            .. Both(Both(recompute, products), lanes),
            .. Both(Both(recompute, rows), lanes),
            .. Both(Both(products, rows), lanes),
        ];
        yield return [.. Both(Both(Both(recompute, products), rows), lanes)];
    }

    private static List<Change> Both(IEnumerable<Change> first, IReadOnlyList<Change> second) =>
        [.. from a in first from b in second select new Change([.. a.Set, .. b.Set], recipe => b.Apply(a.Apply(recipe)))];

    private static MemoryOption? Tried(RunSpec spec, long? trainTokens, SlotMemory slot, Change change)
    {
        var changed = spec with { Recipe = change.Apply(spec.Recipe) };
        try
        {
            SpecReader.Check(changed);
            return new(change.Set, Memories(changed, trainTokens).Max(one => one.Memory.On(slot)));
        }
        catch (Exception e) when (e is SpecException or ArgumentException)
        {
            // Not a recipe: rows that do not divide the batch, or a set that is too small for them.
            return null;
        }
    }

    private static List<(string Stage, StageMemory Memory)> Memories(RunSpec spec, long? trainTokens)
    {
        // Hundreds of stages may differ in nothing but their number.
        var known = new HashSet<(string, bool, int)>();
        var memories = new List<(string, StageMemory)>();
        foreach (var stage in new RunPlan(spec.Recipe).Stages.Where(stage => stage.ImportedSha256 is null))
        {
            // A third teacher takes no more memory than a second.
            if (known.Add((CanonicalJson.Sha256(stage.Stage), stage.TeachingModel is null, Math.Min(stage.TeacherModels, 2))))
            {
                memories.Add(
                    (stage.Id.ToString(), StageMemory.Of(stage, new StageSteps(stage, trainTokens ?? spec.Recipe.Data.TrainTokens)))
                );
            }
        }

        return memories;
    }

    private sealed record Change(IReadOnlyList<string> Set, Func<Recipe, Recipe> Apply);
}
