using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Tensors;
using Slowrun.Training.Models;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Inference;

/// <summary>A finished model that reads one sequence, a few tokens at a time, and remembers what it has read.</summary>
internal sealed class CachedModel : IDisposable
{
    private readonly FlatParameters parameters;
    private readonly ParameterSource source;
    private readonly Gpt gpt;
    private readonly GptWeights weights;
    private readonly KeyValueCache cache;
    private readonly ForwardPass pass;
    private readonly IReadOnlyList<Tensor> mixed;

    /// <param name="model">One model's weights, without the earlier ones that a snapshot may hold.</param>
    /// <exception cref="InvalidDataException">The weights are not this model's.</exception>
    public CachedModel(StagePlan plan, IReadOnlyList<TensorData> model, Device device)
    {
        var table = ParameterTable.Of(plan.Model);
        parameters = new FlatParameters(ParameterGroups.Layout(table, ParameterGroups.Of(table, plan.Stage.Optimizer)), device);
        try
        {
            parameters.Load(model);
        }
        catch
        {
            parameters.Dispose();
            throw;
        }

        source = new ParameterSource(parameters, null);
        gpt = new Gpt(plan.Model, device);
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        weights = gpt.WithHeadsMixed(GptWeights.Of(plan.Model, source));
        mixed = plan.Model.HeadMixing
            ?
            [
                .. weights
                    .Blocks.Select(block => block.QueryKeyValue)
                    .Distinct(ReferenceEqualityComparer.Instance)
                    .Cast<Tensor>()
                    .Select(matrix => matrix.DetachFromDisposeScope()),
            ]
            : [];
        cache = new KeyValueCache(plan.Model.SequenceLength);
        pass = StepSettings.Finished(plan.Model, plan.Stage) with { Cache = cache };
    }

    /// <summary>Reads further tokens: several only where there are none before them.</summary>
    /// <returns>Logits of what comes after the last, [V] float32 on this model's device, in the caller's dispose scope.</returns>
    public Tensor Read(ReadOnlySpan<int> tokens) => Read(tokens, lastOnly: true).squeeze_(0);

    /// <summary>Logits after each of the tokens, [T, V]; or after the last alone, [1, V].</summary>
    internal Tensor Read(ReadOnlySpan<int> tokens, bool lastOnly)
    {
        if (cache.Length + tokens.Length > cache.Capacity)
        {
            throw new ArgumentException(
                $"{cache.Length + tokens.Length} tokens are more than the model's {cache.Capacity} positions.",
                nameof(tokens)
            );
        }

        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var hidden = gpt.Hidden(weights, tensor(tokens.ToArray(), [1, tokens.Length], ScalarType.Int64, parameters.Device), pass);
        return gpt.Logits(weights, lastOnly ? hidden.narrow(0, tokens.Length - 1, 1) : hidden).MoveToOuterDisposeScope();
    }

    /// <summary>Forgets what it has read.</summary>
    public void Forget() => cache.Clear();

    public void Dispose()
    {
        cache.Dispose();
        foreach (var tensor in mixed)
        {
            tensor.Dispose();
        }

        gpt.Dispose();
        source.Dispose();
        parameters.Dispose();
    }
}
