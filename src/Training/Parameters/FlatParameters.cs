using Slowrun.Core.Models;
using Slowrun.Core.Tensors;
using static TorchSharp.torch;

namespace Slowrun.Training.Parameters;

/// <summary>
/// All parameters of a model in one float32 buffer of one device. Workers read them through <see cref="Leaves"/> of their own;
/// the optimizer writes the buffer. Gaps between groups stay 0.
/// </summary>
public sealed class FlatParameters : IDisposable
{
    private readonly Dictionary<string, Tensor> views;

    /// <summary>All zeros.</summary>
    public FlatParameters(ParameterLayout layout, Device device)
    {
        ArgumentNullException.ThrowIfNull(layout);
        Layout = layout;
        Device = device;
        (Flat, views) = FlatBuffer.Create(layout, device);
    }

    public ParameterLayout Layout { get; }

    public Device Device { get; }

    /// <summary>(Layout.Length) float32.</summary>
    public Tensor Flat { get; }

    /// <summary>A view in the parameter's shape, without gradient. Not to be disposed by the caller.</summary>
    public Tensor this[string name] => views[name];

    public FlatGradients NewGradients() => new(Layout, Device);

    /// <summary>Tensors of one worker that share this storage and whose backward pass adds to <paramref name="gradients"/>.</summary>
    public ParameterLeaves Leaves(FlatGradients gradients) => new(this, gradients);

    /// <summary>Copies weights in.</summary>
    /// <exception cref="InvalidDataException">A parameter is missing, unknown, no float32 or of another shape.</exception>
    public void Load(IReadOnlyList<TensorData> weights)
    {
        Check(weights);
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        foreach (var weight in weights)
        {
            var view = views[weight.Name];
            if (Device.type == TorchSharp.DeviceType.CPU)
            {
                weight.Bytes.Span.CopyTo(view.bytes);
                continue;
            }

            var host = empty([.. weight.Shape], ScalarType.Float32);
            weight.Bytes.Span.CopyTo(host.bytes);
            view.copy_(host);
        }
    }

    /// <exception cref="InvalidDataException">These are no weights of this model; what is wrong with which.</exception>
    public void Check(IReadOnlyList<TensorData> weights) => Check(Layout, weights);

    /// <exception cref="InvalidDataException">These are no weights of this layout; what is wrong with which.</exception>
    public static void Check(ParameterLayout layout, IReadOnlyList<TensorData> weights)
    {
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentNullException.ThrowIfNull(weights);
        var known = layout.Parameters.Select(place => place.Name).ToHashSet();
        var given = weights.ToDictionary(weight => weight.Name);
        if (weights.FirstOrDefault(weight => !known.Contains(weight.Name)) is { } unknown)
        {
            throw new InvalidDataException($"Weight '{unknown.Name}' is not a parameter of this model.");
        }

        foreach (var place in layout.Parameters)
        {
            if (!given.TryGetValue(place.Name, out var weight))
            {
                throw new InvalidDataException($"Weight '{place.Name}' is missing.");
            }

            if (weight.Type != ElementType.F32 || !weight.Shape.SequenceEqual(place.Spec.Shape))
            {
                throw new InvalidDataException(
                    $"Weight '{place.Name}' is {weight.Type} [{string.Join(", ", weight.Shape)}], "
                        + $"expected F32 [{string.Join(", ", place.Spec.Shape)}]."
                );
            }
        }
    }

    /// <summary>A copy of all weights under upstream's names, in registration order.</summary>
    public IReadOnlyList<TensorData> Export() => FlatBuffer.Export(Layout, Flat);

    public void Dispose()
    {
        foreach (var view in views.Values)
        {
            view.Dispose();
        }

        Flat.Dispose();
    }
}
