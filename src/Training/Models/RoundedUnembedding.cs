using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>
/// The unembedding as products in bfloat16 read it: rounded once for all chunks of rows, and with rows of zeros up to a multiple that suits
/// tensor cores. Padding is cut off the logits, so that it takes no part in anything and its gradient is 0.
/// </summary>
internal sealed class RoundedUnembedding : IDisposable
{
    private readonly ModelRecipe model;
    private readonly Tensor weight;

    /// <param name="unembedding">As the recipe stores it.</param>
    public RoundedUnembedding(ModelRecipe model, Tensor unembedding)
    {
        this.model = model;
        Weight = zeros([LogitRows.Padded(model), model.Width], ScalarType.BFloat16, unembedding.device).DetachFromDisposeScope();
        weight = unembedding;
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        Weight.narrow(0, 0, model.VocabSize).copy_(Rows(unembedding));
        Weight.requires_grad_(unembedding.requires_grad);
    }

    /// <summary>[padded V, C] bfloat16.</summary>
    public Tensor Weight { get; }

    /// <param name="hidden">[N, C].</param>
    /// <returns>[N, V] float32, before the softcap.</returns>
    public Tensor Product(Tensor hidden) =>
        nn.functional.linear(hidden.to(ScalarType.BFloat16), Weight).narrow(1, 0, model.VocabSize).to(ScalarType.Float32);

    /// <summary>Adds a chunk's gradient of <see cref="Weight"/> to the float32 one of the unembedding.</summary>
    public void AddGradient(Tensor gradient)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        Rows(weight.grad!).add_(gradient.narrow(0, 0, model.VocabSize), Numerics.Scalars.One);
    }

    public void Dispose() => Weight.Dispose();

    /// <summary>[V, C], a view.</summary>
    private Tensor Rows(Tensor stored) => model.TransposedUnembedding ? stored.narrow(1, 0, model.VocabSize).t() : stored;
}
