using Slowrun.Core.Recipes;
using Slowrun.Training.Kernels;
using Slowrun.Training.Models;
using Slowrun.Training.Parameters;

namespace Slowrun.Training.Lanes;

/// <summary>A gradient buffer and the leaves whose backward pass adds to it.</summary>
internal sealed class LaneBuffer : IDisposable
{
    private readonly ModelRecipe model;
    private readonly ParameterSource source;
    private readonly ParameterSource slopes;
    private FusedWeights? values;
    private FusedWeights? gradients;

    public LaneBuffer(ModelRecipe model, FlatParameters parameters)
    {
        this.model = model;
        Gradients = parameters.NewGradients();
        source = new ParameterSource(parameters, Gradients);
        slopes = ParameterSource.OfGradients(parameters, Gradients);
        Weights = GptWeights.Of(model, source);
    }

    public FlatGradients Gradients { get; }

    public GptWeights Weights { get; }

    /// <summary>The same parameters for the fused path.</summary>
    public FusedWeights FusedWeights => values ??= new FusedWeights(model, Weights);

    /// <summary>Their gradients for the fused path.</summary>
    public FusedWeights FusedGradients => gradients ??= new FusedWeights(model, GptWeights.Of(model, slopes));

    public void Dispose()
    {
        values?.Dispose();
        gradients?.Dispose();
        slopes.Dispose();
        source.Dispose();
        Gradients.Dispose();
    }
}
