using Slowrun.Core.Recipes;
using Slowrun.Training.Models;

namespace Slowrun.Training.Kernels;

/// <summary>
/// The multi-token block of <see cref="Gpt.FurtherHidden"/>, forward and backward, on a processor: from each position's hidden state and
/// the embedding of its next token to a state that predicts the token after that. The last position of a row has none. Not thread-safe.
/// </summary>
internal sealed unsafe class FusedFurther : IDisposable
{
    private readonly ModelRecipe model;
    private readonly HeadShape shape;
    private readonly BlockPass block;
    private readonly Activations saved;
    private readonly OwnedMatrices all = new();
    private readonly Matrix known;
    private readonly Matrix embedded;
    private readonly Matrix embeddedBy;
    private readonly Matrix stream;
    private readonly Matrix outputBy;
    private readonly Matrix gradient;
    private bool kept;

    /// <param name="rotary">The tables are copied.</param>
    /// <param name="batch">Sequences of each micro-batch.</param>
    /// <param name="length">Tokens of each, of which all but the last predict further.</param>
    public FusedFurther(ModelRecipe model, RotaryTable rotary, int batch, int length)
    {
        this.model = model;
        shape = new HeadShape(batch, length - 1, model.Heads, model.Width / model.Heads);
        try
        {
            block = new BlockPass(model, rotary, shape);
            saved = new Activations(shape, Core.Models.ParameterTable.HiddenWidth(model));
            (known, embedded, stream, gradient) = (Stream(), Stream(), Stream(), Stream());
            (Hidden, HiddenGradient) = (Stream(), Stream());
            (embeddedBy, outputBy) = (all.Add(Matrix.Empty(1, shape.Rows)), all.Add(Matrix.Empty(1, shape.Rows)));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The positions of a micro-batch that predict further.</summary>
    public int Rows => shape.Rows;

    /// <summary>[n, C], normalised: the output of <see cref="Forward"/>.</summary>
    public Matrix Hidden { get; }

    /// <summary>[n, C]: the gradient of <see cref="Hidden"/>; the caller writes it before <see cref="Backward"/>.</summary>
    public Matrix HiddenGradient { get; }

    /// <param name="hidden">[B·T, C], of the network.</param>
    /// <param name="tokens">[B, T + 1], the input's and one more.</param>
    public void Forward(FusedWeights weights, Matrix hidden, long* tokens, ForwardPass pass)
    {
        var projection = weights.MtpProjection!;
        int n = shape.Rows,
            c = shape.Channels;
        var numbers = shape.Length * c;
        for (var row = 0; row < shape.Batch; row++)
        {
            new Span<float>(All(hidden, row), numbers).CopyTo(new Span<float>(Own(known, row), numbers));
        }

        RowKernels.Embed(weights.Embedding.Data, tokens + 1, shape.Length + 2, shape.Length, embedded.Data, embeddedBy.Data, n, c);
        Matrix.ProductTransposed(stream, known, projection.Columns(c));
        Matrix.ProductTransposed(stream, embedded, projection.Columns(c, c), 1);
        // Layers are counted from 0, so it is one more than the last.
        kept = pass.Depth?.Keeps(model.Layers) ?? true;
        if (kept)
        {
            RowKernels.AddNorm(stream.Data, null, DropoutMask.None, saved.Normalised.Data, saved.NormalisedBy.Data, n, c);
            block.Forward(weights.MtpBlock!, saved, stream, null, Settings(pass));
        }

        RowKernels.AddNorm(stream.Data, null, DropoutMask.None, Hidden.Data, outputBy.Data, n, c);
    }

    /// <summary>Adds to the gradients of the block, of its projection and of the embedding.</summary>
    /// <param name="hiddenGradient">[B·T, C]: of the network's hidden states; added to.</param>
    /// <param name="tokens">The same as of the forward pass, as is <paramref name="pass"/>.</param>
    public void Backward(FusedWeights weights, FusedWeights gradients, Matrix hiddenGradient, long* tokens, ForwardPass pass)
    {
        int n = shape.Rows,
            c = shape.Channels;
        new Span<float>(gradient.Data, n * c).Clear();
        RowKernels.AddNormBack(gradient.Data, HiddenGradient.Data, Hidden.Data, outputBy.Data, DropoutMask.None, null, n, c);
        if (kept)
        {
            block.Backward(weights.MtpBlock!, gradients.MtpBlock!, saved, gradient, null, null, Settings(pass));
            RowKernels.AddNormBack(
                gradient.Data,
                block.NormalisedGradient.Data,
                saved.Normalised.Data,
                saved.NormalisedBy.Data,
                DropoutMask.None,
                null,
                n,
                c
            );
        }

        Matrix.AddTransposedProduct(gradients.MtpProjection!.Columns(c), gradient, known);
        Matrix.AddTransposedProduct(gradients.MtpProjection!.Columns(c, c), gradient, embedded);
        // What is needed no more takes up the gradients of both.
        var (ofKnown, ofEmbedded) = (known, Hidden);
        Matrix.Product(ofKnown, gradient, weights.MtpProjection!.Columns(c));
        Matrix.Product(ofEmbedded, gradient, weights.MtpProjection!.Columns(c, c));
        for (var row = 0; row < shape.Batch; row++)
        {
            RowKernels.Add(All(hiddenGradient, row), Own(ofKnown, row), shape.Length * c);
        }

        RowKernels.EmbedBack(
            gradients.Embedding.Data,
            tokens + 1,
            shape.Length + 2,
            shape.Length,
            ofEmbedded.Data,
            embedded.Data,
            embeddedBy.Data,
            n,
            c
        );
    }

    public void Dispose()
    {
        block?.Dispose();
        saved?.Dispose();
        all.Dispose();
    }

    private BlockSettings Settings(ForwardPass pass) => BlockSettings.Of(pass, model.SequenceLength, Gpt.FurtherPlace);

    /// <summary>Where a row of the micro-batch begins in a matrix of all its positions.</summary>
    private float* All(Matrix matrix, int row) => matrix.Data + ((long)row * (shape.Length + 1) * shape.Channels);

    /// <summary>Where it begins in a matrix of those that predict further.</summary>
    private float* Own(Matrix matrix, int row) => matrix.Data + ((long)row * shape.Length * shape.Channels);

    private Matrix Stream() => all.Add(Matrix.Empty(shape.Rows, shape.Channels));
}
