namespace Slowrun.Grains.Stages;

/// <summary>What helps against a failure that the same bytes would end in again.</summary>
internal static class RepeatingFailure
{
    public const string Advice =
        "The same recipe diverges again in the same way, so a retry cannot help. A lower learning rate or stronger clipping is another recipe: "
        + "`slowrun run SPEC --name NEW-NAME --set stage.optimizer.matrixLearningRate=…` (or `stage.clipNorm=…`). Chains that do not depend on it go on.";
}
