using System.Globalization;
using Slowrun.Core;
using Slowrun.Core.Explain;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Slowrun.Client.Display;

/// <summary>An explanation for people: equal stages share a line, and so do equal chains.</summary>
internal static class ExplanationText
{
    public static IRenderable Of(RunExplanation run)
    {
        var table = new Table().Border(TableBorder.None).AddColumn("STAGES");
        foreach (var column in (string[])["STEPS", "TOKENS", "LAYERS", "FORWARD", "BACKWARD", "TEACHER", "DEVICE", "HOST", "CHECKPOINT"])
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }

        var chains = run.Stages.GroupBy(stage => stage.Id.ChainName).Select(chain => (Name: chain.Key, Groups: Alike(chain))).ToList();
        var shown = chains.DistinctBy(chain => string.Join(' ', chain.Groups.Select(Key))).ToList();
        foreach (var group in shown.SelectMany(chain => chain.Groups))
        {
            var (stage, flops) = (group[0], group[0].FlopsPerToken);
            table.AddRow(
                (group.Count == 1 ? stage.Id.ToString() : $"{stage.Id} to {group[^1].Id} ({group.Count})")
                    + (stage.Imported ? ", imported" : ""),
                Human.Count(stage.Steps),
                Number(stage.Tokens),
                flops.LayersFirst == flops.LayersLast
                    ? Invariant($"{flops.LayersLast}")
                    : Invariant($"{flops.LayersFirst}, then {flops.LayersLast}"),
                Number(flops.Forward),
                Number(flops.Backward + flops.Recomputed),
                flops.Teacher > 0 ? Number(flops.Teacher) : "",
                Human.Bytes(stage.MemoryBytes.Device),
                Human.Bytes(stage.MemoryBytes.Host),
                Human.Bytes(stage.CheckpointBytes)
            );
        }

        var same = chains
            .Except(shown)
            .Select(chain =>
                $"{chain.Name} is like {shown.First(one => one.Groups.Select(Key).SequenceEqual(chain.Groups.Select(Key))).Name}."
            );
        return new Rows(
            [new Text(Parameters(run)), new Text(""), table, new Text(""), .. same.Concat(Remarks(run)).Select(line => new Text(line))]
        );
    }

    // Devices of which it is told what each needs.
    private static readonly int[] Shares = [2, 4, 8];

    private static string Key(List<StageExplanation> alike) => $"{alike.Count} {alike[0] with { Id = default }}";

    private static string Parameters(RunExplanation run)
    {
        var counts = run.Parameters;
        return Invariant($"{run.Name}: {Number(counts.Total)} parameters ({counts.Total:#,0}): embedding {Number(counts.Embedding)}, ")
            + Invariant($"unembedding {Number(counts.Unembedding)}, attention {Number(counts.Attention)}, MLP {Number(counts.Mlp)}, value ")
            + Invariant($"projections {Number(counts.ValueProjections)}")
            + (counts.MtpBlock > 0 ? $", MTP block {Number(counts.MtpBlock)}" : "")
            + $", scalars and mixes {Number(counts.ScalarsAndMixes)}";
    }

    private static IEnumerable<string> Remarks(RunExplanation run)
    {
        var largest = run.Stages.MaxBy(stage => stage.MemoryBytes.Device)!;
        var memory = largest.MemoryBytes;
        yield return Invariant(
            $"In all {Number(run.Tokens)} tokens and {run.Flops:0.00e+0} floating-point operations (columns: per token), "
        ) + Invariant($"training on {Number(run.TrainTokens)} different tokens.");
        yield return $"Memory of {largest.Id}: on a CUDA device {Human.Bytes(memory.Device)} (weights {Human.Bytes(memory.Weights)}, "
            + $"moments {Human.Bytes(memory.Moments)}, gradients {Human.Bytes(memory.Gradients)}, "
            + $"teacher {Human.Bytes(memory.Teacher + memory.Ahead)}, activations about {Human.Bytes(memory.Activations)}, "
            + $"workspace about {Human.Bytes(memory.Workspace)}), and in the host's memory {Human.Bytes(memory.Host)} "
            + $"(averages {Human.Bytes(memory.Averages)}, the checkpoint's copy "
            + Human.Bytes(memory.CheckpointCopy)
            + $"{(memory.Ahead > 0 ? $", the next model that teaches {Human.Bytes(memory.Ahead)}" : "")}). "
            + $"Trained by processors all of it lies in the host's memory: {Human.Bytes(memory.Total)} with "
            + $"one{(memory.Lanes > 1 ? $", {Human.Bytes(memory.OnProcessors(memory.Lanes))} with {memory.Lanes}" : "")}.";
        if (memory.Lanes > 1)
        {
            var shares = Shares
                .Where(devices => devices <= memory.Lanes)
                .Select(devices => Invariant($"of {devices} each needs {Human.Bytes(memory.EachOf(devices))}"));
            yield return "Several devices divide the updates, and with them moments and the sum of the gradient: "
                + $"{string.Join(", ", shares)}.";
        }

        if (run.Teacher is { } teacher)
        {
            yield return Invariant(
                $"{teacher.Models} models of {Number(teacher.ParametersEach)} parameters teach ({teacher.Members} members of run "
            ) + Invariant($"'{teacher.Run}'), one after the other in the same memory; the TEACHER column is all of them.");
        }

        yield return $"A checkpoint of {Human.Bytes(run.CheckpointBytes)} is uploaded in {Seconds(run.UploadSeconds)} at "
            + $"{Human.Bytes((long)run.UploadBytesPerSecond)}/s: "
            + (
                run.UploadFitsNotice
                    ? Invariant($"it fits a notice of {RunExplanation.NoticeSeconds} s.")
                    : Invariant($"it does not fit a notice of {RunExplanation.NoticeSeconds} s (that takes ")
                        + Invariant(
                            $"{Human.Bytes((long)Math.Ceiling(run.CheckpointBytes / RunExplanation.NoticeSeconds))}/s), so a lost machine "
                        )
                        + "costs what was trained since the checkpoint before."
            );
        yield return Invariant(
            $"{(run.ParallelStages == 1 ? "One stage trains" : $"{run.ParallelStages} stages can train")} at once, one a "
        ) + Invariant($"chain, each on up to {run.SlotsPerStage} slots of one machine (lanes).");
        if (run is { WallSeconds: { } wall, SlotHours: { } hours })
        {
            yield return Invariant(
                $"That takes about {Human.Time(TimeSpan.FromSeconds(Math.Min(wall, 1e11)))} and {hours:#,0.##} slot hours"
            ) + (run.Cost is { } cost ? Invariant($", which cost {cost:#,0.00}.") : ".");
        }
    }

    private static List<List<StageExplanation>> Alike(IEnumerable<StageExplanation> stages)
    {
        var groups = new List<List<StageExplanation>>();
        foreach (var stage in stages)
        {
            if (groups.Count > 0 && groups[^1][0] with { Id = default } == stage with { Id = default })
            {
                groups[^1].Add(stage);
            }
            else
            {
                groups.Add([stage]);
            }
        }

        return groups;
    }

    private static string Seconds(double seconds) =>
        seconds < 10 ? Invariant($"{seconds:0.00} s") : Human.Time(TimeSpan.FromSeconds(Math.Min(seconds, 1e11)));

    private static string Number(double number) =>
        number switch
        {
            >= 1e12 => number.ToString("0.00e+0", CultureInfo.InvariantCulture),
            >= 1e9 => Invariant($"{number / 1e9:0.000} B"),
            >= 1e6 => Invariant($"{number / 1e6:0.0} M"),
            >= 1e3 => Invariant($"{number / 1e3:0.0} k"),
            _ => Invariant($"{number:0}"),
        };

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
