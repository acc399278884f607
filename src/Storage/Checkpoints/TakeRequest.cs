using Slowrun.Core.Stages;

namespace Slowrun.Storage.Checkpoints;

/// <summary>What a slot brings along when it takes a stage.</summary>
public sealed record TakeRequest
{
    public required StageOwner Owner { get; init; }

    public required StageIdentity Identity { get; init; }

    /// <summary>Optimizer steps of the whole stage.</summary>
    public required int Steps { get; init; }

    /// <summary>The epoch token at which the stage had no living owner; at any other one, another silo has taken it. Null: not
    /// checked.</summary>
    public long? AfterToken { get; init; }

    /// <summary>Write id of the root that this request was made from, empty where there was none: for any other root it has to be made
    /// again. Null: it fits every root.</summary>
    public string? AfterWriteId { get; init; }

    /// <summary>Steps beyond the last commit that the previous owner is known to have trained (its progress document).</summary>
    public long LostSteps { get; init; }

    /// <summary>Where the stage's time went until this take.</summary>
    public required StageLedger Ledger { get; init; }

    /// <summary>How the last owner ended, if it did not release the stage.</summary>
    public LossVerdict Loss { get; init; }

    /// <summary>The intent's retry number for the stage: a failure at a lower one is cleared.</summary>
    public int Retry { get; init; }

    /// <summary>How often the user said that the stage may go on with another device's arithmetic (<c>retry --adopt-device</c>).</summary>
    public int Adoptions { get; init; }
}
