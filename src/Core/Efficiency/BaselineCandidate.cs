using Slowrun.Core.Recipes;

namespace Slowrun.Core.Efficiency;

public enum BaselineKind
{
    /// <summary>Each token once, usual settings.</summary>
    OnePass,

    /// <summary>Several passes with dropout, their number tuned, each training kept at its best validation loss.</summary>
    ManyPasses,
}

/// <summary>One training that may become a point of a curve.</summary>
/// <param name="Passes">Over the training set.</param>
/// <param name="LearningRate">The multiplier of every rate.</param>
public sealed record BaselineCandidate(BaselineKind Kind, long Tokens, BaselineSize Size, int Passes, double LearningRate)
{
    private const string Prefix = "baseline-";
    private const int HashDigits = 16;

    // Usual values of language models without these techniques; the demo's baseline has them too.
    private const double WeightDecay = 0.1;
    private const double Dropout = 0.1;

    // The user's own runs come first.
    private const int Priority = -1_000_000;

    /// <summary>
    /// The run that trains it, named by what its bytes depend on and nothing else: another question about the same data and size finds it
    /// by its name.
    /// </summary>
    /// <param name="run">What the baseline is for: its model beside the size, its steps' shape, its evaluation, its operations.</param>
    /// <param name="data">Hash and sizes of the data with <see cref="Tokens"/> training tokens.</param>
    /// <param name="place">Among the baselines that are trained now: earlier ones get slots first.</param>
    public RunSpec Spec(RunSpec run, DataRecipe data, int place = 0)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(data);
        var like = run.Recipe;
        var many = Kind == BaselineKind.ManyPasses;
        var recipe = new Recipe
        {
            // Where the text came from does not matter any more.
            Data = data with
            {
                Source = "text",
                TrainTokens = Tokens,
            },
            Model = Size.Of(like.Model),
            Stage = new StageRecipe
            {
                BatchTokens = like.Stage.BatchTokens,
                DeviceRows = like.Stage.DeviceRows,
                Lanes = like.Stage.Lanes,
                Epochs = Passes,
                Dropout = many ? Dropout : 0,
                Optimizer = new OptimizerRecipe
                {
                    LearningRateMultiplier = LearningRate,
                    WeightDecay = WeightDecay,
                    Orthogonalization = like.Stage.Optimizer.Orthogonalization,
                },
                Selection = new SelectionRecipe { Rule = many ? SelectionRule.BestValidation : SelectionRule.Final },
            },
            Chains = [new ChainRecipe { Role = ChainRole.Baseline }],
            Evaluation = like.Evaluation,
        };
        return new RunSpec
        {
            Name = Prefix + CanonicalJson.Sha256(recipe)[..HashDigits],
            Recipe = recipe,
            // There are dozens of baselines: the run's receivers of notices get none about them.
            Operations = run.Operations with
            {
                Priority = Priority - place,
                Notify = null,
            },
        };
    }
}
