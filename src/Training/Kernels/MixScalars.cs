using System.Runtime.Intrinsics;

namespace Slowrun.Training.Kernels;

/// <summary>A layer's residual lambda, its x0 lambda and the weight of its skip.</summary>
internal readonly record struct MixScalars(float Lambda, float Lambda0, float Skip)
{
    public (Vector512<float> Lambda, Vector512<float> Lambda0, Vector512<float> Skip) Vectors =>
        (Vector512.Create(Lambda), Vector512.Create(Lambda0), Vector512.Create(Skip));
}
