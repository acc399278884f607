using System.Globalization;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;

namespace Slowrun.Storage.Checkpoints;

/// <summary>A root that is not what was last written, or lacks a checkpoint that could count.</summary>
/// <param name="Trouble">What is wrong with it, in a sentence that names it; null: nothing, but a whole checkpoint was stored that never
/// came to count.</param>
/// <param name="ETag">Of what was found; null: nothing was.</param>
/// <param name="Recovered">What to write in its place.</param>
public sealed record RootFinding(StageId Stage, string? Trouble, string? ETag, StageRoot Recovered)
{
    /// <summary>The last known owner of the stage: while it lives, it writes the root again itself.</summary>
    public StageOwner? Owner { get; init; }

    /// <summary>Whether recovering it cannot change a byte of the result: then no person has to decide.</summary>
    public bool IsSafe { get; init; }

    /// <summary>What is the matter, and what recovering it does, for people.</summary>
    public string Story =>
        Trouble is null
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"The checkpoint of step {Recovered.DurableStep} had been stored whole, and its owner was lost before it counted: it counts now."
            )
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{Trouble} {(Recovered.Finished ? "Its copy says that the stage has finished" : Recovered.DurableStep > 0 ? $"The stage goes on from step {Recovered.DurableStep}" : "The stage begins with its first step")} (epoch token {Recovered.EpochToken})."
            );

    /// <summary>Why a person has to decide.</summary>
    public static string Risk =>
        "Its checkpoints come from devices whose bytes cannot be reproduced, or from several kinds of them, so that going on from the newest may not be what the root had said.";
}
