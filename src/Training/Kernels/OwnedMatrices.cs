namespace Slowrun.Training.Kernels;

/// <summary>Matrices that end together: with their owner, or in its constructor where the next one finds no memory.</summary>
internal sealed class OwnedMatrices : IDisposable
{
    private readonly List<Matrix> all = [];

    public Matrix Add(Matrix matrix)
    {
        all.Add(matrix);
        return matrix;
    }

    public void Dispose() => all.ForEach(matrix => matrix.Dispose());
}
