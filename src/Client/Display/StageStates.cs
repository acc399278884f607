using Slowrun.Core.Plan;
using Spectre.Console;

namespace Slowrun.Client.Display;

/// <summary>The colours of states, and the signs that replace them where there are no colours.</summary>
internal static class StageStates
{
    /// <summary>In the order in which a legend explains them.</summary>
    public static IReadOnlyList<StageState> Ordered { get; } =
    [
        StageState.Done,
        StageState.Scoring,
        StageState.Training,
        StageState.Ready,
        StageState.Waiting,
        StageState.Paused,
        StageState.Failed,
        StageState.Damaged,
        StageState.Cancelled,
    ];

    public static Style StyleOf(StageState state) =>
        state switch
        {
            StageState.Training or StageState.Scoring => new Style(Color.Green),
            StageState.Failed or StageState.Damaged => new Style(Color.Red),
            StageState.Paused or StageState.Cancelled => new Style(Color.Yellow),
            StageState.Done => new Style(Color.Blue),
            _ => Style.Plain,
        };

    /// <param name="unicode">Whether the terminal can show more than ASCII.</param>
    public static char SignOf(StageState state, bool unicode) =>
        state switch
        {
            StageState.Done => unicode ? '✓' : 'D',
            StageState.Scoring => unicode ? '≈' : 'S',
            StageState.Training => unicode ? '▸' : 'T',
            StageState.Ready => unicode ? '○' : 'R',
            StageState.Paused => unicode ? '‖' : 'P',
            StageState.Failed => unicode ? '✗' : 'F',
            StageState.Damaged => '!',
            StageState.Cancelled => unicode ? '–' : 'C',
            _ => unicode ? '·' : '.',
        };
}
