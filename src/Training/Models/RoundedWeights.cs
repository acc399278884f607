using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>
/// Weights that are only read, each matrix in bfloat16: half the memory, and the same results as of float32 ones where products are
/// bfloat16, because every matrix is rounded before it is used anyway.
/// </summary>
internal sealed class RoundedWeights : IParameterSource, IDisposable
{
    private readonly ModelRecipe model;
    private readonly Device device;
    private readonly List<Tensor> kept = [];
    private Dictionary<string, TensorData> given;

    /// <param name="model">Products are BF16.</param>
    /// <param name="weights">Checked: each parameter, float32.</param>
    public RoundedWeights(ModelRecipe model, IReadOnlyList<TensorData> weights, Device device)
    {
        (this.model, this.device) = (model, device);
        given = weights.ToDictionary(weight => weight.Name);
        using var noGradient = no_grad();
        var read = GptWeights.Of(model, this);
        Weights = !model.HeadMixing
            ? read
            : read with
            {
                Blocks = read.WithHeadsMixed(Mixed).Blocks,
                MtpBlock = read.MtpBlock is { } further ? further with { QueryKeyValue = Mixed(further), HeadMixes = [] } : null,
            };
        given = [];
    }

    public GptWeights Weights { get; }

    public Tensor Of(string name)
    {
        using var scope = NewDisposeScope();
        return Keep(Read(name));
    }

    public Tensor Rows(params ReadOnlySpan<string> names)
    {
        using var scope = NewDisposeScope();
        return Keep(cat([.. names.ToArray().Select(Read)]));
    }

    public Tensor Head(string name, long rows)
    {
        using var scope = NewDisposeScope();
        return Keep(Read(name).narrow(0, 0, rows).clone());
    }

    public void Dispose()
    {
        foreach (var tensor in kept)
        {
            tensor.Dispose();
        }
    }

    /// <summary>On the device, in bfloat16 if products read it. Where heads are mixed, their matrices are rounded after it.</summary>
    private Tensor Read(string name)
    {
        var weight = given[name];
        var host = empty([.. weight.Shape], ScalarType.Float32);
        weight.Bytes.Span.CopyTo(host.bytes);
        var there = host.to(device);
        return IsRounded(model, name, weight.Shape.Count) ? there.to(ScalarType.BFloat16) : there;
    }

    /// <summary>Whether products read it rounded, as it is stored.</summary>
    internal static bool IsRounded(ModelRecipe model, string name, int dimensions) =>
        dimensions >= 2 && !(model.HeadMixing && IsMixed(name));

    private static bool IsMixed(string name) =>
        name.EndsWith("_mix", StringComparison.Ordinal)
        || ((string[])["c_q.weight", "c_k.weight", "c_v.weight"]).Any(matrix => name.EndsWith(matrix, StringComparison.Ordinal));

    private Tensor Mixed(BlockWeights block)
    {
        using var scope = NewDisposeScope();
        var mixed = Keep(CausalSelfAttention.Mixed(model, block).to(ScalarType.BFloat16));
        foreach (var tensor in (Tensor[])[block.QueryKeyValue, .. block.HeadMixes])
        {
            kept.RemoveAll(one => ReferenceEquals(one, tensor));
            tensor.Dispose();
        }

        return mixed;
    }

    private Tensor Keep(Tensor tensor)
    {
        kept.Add(tensor.DetachFromDisposeScope());
        return tensor;
    }
}
