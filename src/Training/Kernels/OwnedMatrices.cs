namespace Slowrun.Training.Kernels;

/// <summary>Matrices that are disposed together: by their owner, or in its constructor if an allocation fails.</summary>
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
