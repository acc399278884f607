using Slowrun.Core.Models;
using Slowrun.Core.Tensors;
using Slowrun.Training.Numerics;
using static TorchSharp.torch;

namespace Slowrun.Training.Parameters;

/// <summary>Makes a zeroed flat buffer with a view for each parameter; outlives the dispose scope it is made in.</summary>
internal static class FlatBuffer
{
    public static (Tensor Flat, Dictionary<string, Tensor> Views) Create(ParameterLayout layout, Device device)
    {
        using var scope = NewDisposeScope();
        var flat = zeros(layout.Length, ScalarType.Float32, device).DetachFromDisposeScope();
        var views = layout.Parameters.ToDictionary(place => place.Name, place => View(flat, place).DetachFromDisposeScope());
        return (flat, views);
    }

    public static Tensor View(Tensor flat, ParameterPlace place) =>
        flat.narrow(0, place.Offset, place.Spec.Count).view([.. place.Spec.Shape]);

    /// <summary>A copy of flat weights under upstream's names, in registration order.</summary>
    public static IReadOnlyList<TensorData> Export(ParameterLayout layout, Tensor flat)
    {
        using var scope = NewDisposeScope();
        return
        [
            .. layout.Parameters.Select(place => new TensorData(
                place.Name,
                ElementType.F32,
                place.Spec.Shape,
                Scalars.OnHost(View(flat, place)).bytes.ToArray()
            )),
        ];
    }
}
