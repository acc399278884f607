using System.Globalization;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;

namespace Slowrun.Client.Display;

/// <summary>A stage as a row: what <c>status</c> prints of it.</summary>
internal static class StageColumns
{
    public static IReadOnlyList<Column<StageStatus>> All { get; } =
    [
        new("STAGE", "id", stage => stage.Id) { Text = Name },
        new("ROLE", "role", stage => stage.Role.ToString()) { Hidden = true },
        new("STATE", "state", stage => stage.State) { Style = stage => StageStates.StyleOf(stage.State) },
        new("STEP", "step", stage => stage.Step)
        {
            Right = true,
            Text = stage => string.Create(CultureInfo.InvariantCulture, $"{stage.Step}/{stage.Steps}"),
        },
        new("STEPS", "steps", stage => stage.Steps) { Hidden = true },
        new("TRAIN", "trainLossNats", stage => stage.TrainLossNats) { Right = true, Text = stage => Human.Loss(stage.TrainLossNats) },
        new("TOK/S", "tokensPerSecond", stage => stage.TokensPerSecond)
        {
            Right = true,
            Text = stage => Human.Count(stage.TokensPerSecond),
        },
        new("DURABLE", "durableStep", stage => stage.DurableStep) { Right = true, Text = Durable },
        new("AGE", "durableAgeSeconds", stage => stage.DurableAgeSeconds) { Hidden = true },
        new("VAL", "valLossNats", stage => stage.ValLossNats) { Right = true, Text = stage => Human.Loss(stage.ValLossNats) },
        new("BITS/BYTE", "valBitsPerByte", stage => stage.ValBitsPerByte)
        {
            Right = true,
            Wide = true,
            Text = stage => Human.Loss(stage.ValBitsPerByte),
        },
        new("SILO", "owner", stage => stage.Owner?.SiloName) { Wide = true },
        new("SLOTS", "slots", stage => stage.Owner is { } owner ? string.Join(' ', owner.Slots) : null) { Wide = true },
        new("DEVICES", "devices", Devices) { Wide = true },
        new("TAKES", "epochToken", stage => stage.EpochToken) { Right = true, Wide = true },
        new("LOST", "preemptions", stage => stage.Preemptions) { Right = true, Wide = true },
        new("LOST STEPS", "lostSteps", stage => stage.LostSteps) { Right = true, Wide = true },
        new("SNAPSHOT", "snapshotSha256", stage => stage.SnapshotSha256)
        {
            Wide = true,
            Text = stage => stage.SnapshotSha256 is { } hash ? Human.Hash(hash) : "",
        },
        new("WAITS", "waits", stage => stage.Waits) { Hidden = true },
        new("FAILURE", "failure", stage => stage.Failure) { Hidden = true },
    ];

    /// <summary>Columns about training, for runs whose stages are shown as a grid.</summary>
    public static IReadOnlyList<Column<StageStatus>> Training { get; } =
    [
        .. All.Where(column => column.Field is "id" or "step" or "trainLossNats" or "tokensPerSecond" or "durableStep"),
        new("ON", "owner", stage => stage.Owner?.SiloName),
    ];

    public static string Name(StageStatus stage) => stage.Role == ChainRole.Members ? stage.Id.ToString() : $"{stage.Id} *";

    /// <summary>Memory and utilisation of each device it trains on; null: processors, or devices that report nothing.</summary>
    public static string? Devices(StageStatus stage) =>
        stage.Devices is { Count: > 0 } devices ? string.Join(", ", devices.Select(use => $"{use.Slot} {LoadText.Of(use)}")) : null;

    private static string Durable(StageStatus stage) =>
        stage switch
        {
            { State: StageState.Done } => "final",
            { DurableAgeSeconds: { } age } => string.Create(CultureInfo.InvariantCulture, $"{stage.DurableStep}, {Human.Time(age)}"),
            _ => "",
        };
}
