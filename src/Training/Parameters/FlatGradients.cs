using Slowrun.Core.Models;
using static TorchSharp.torch;

namespace Slowrun.Training.Parameters;

/// <summary>A flat float32 buffer shaped as the parameters: gradients of one lane, or their sum.</summary>
public sealed class FlatGradients : IDisposable
{
    private readonly Dictionary<string, Tensor> views;

    internal FlatGradients(ParameterLayout layout, Device device) => (Flat, views) = FlatBuffer.Create(layout, device);

    public Tensor Flat { get; }

    /// <summary>A view in the parameter's shape. Not to be disposed by the caller.</summary>
    public Tensor this[string name] => views[name];

    public void Zero() => Flat.zero_();

    public void Dispose()
    {
        foreach (var view in views.Values)
        {
            view.Dispose();
        }

        Flat.Dispose();
    }
}
