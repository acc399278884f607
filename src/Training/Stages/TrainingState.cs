using Slowrun.Core.Tensors;
using Slowrun.Training.Parameters;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Stages;

/// <summary>Everything a stage needs to go on as if it had never stopped, as named tensors that are read and written in place.</summary>
internal sealed class TrainingState(IReadOnlyList<NamedTensor> tensors)
{
    public IReadOnlyList<TensorLayout> Layout { get; } =
    [.. tensors.Select(t => new TensorLayout(t.Name, TypeOf(t.Parts[0]), [.. t.Shape]))];

    public IReadOnlyList<NamedTensor> Tensors => tensors;

    /// <exception cref="InvalidDataException">A tensor is missing, unknown, or of another type or shape.</exception>
    public void Restore(IReadOnlyList<TensorData> saved)
    {
        var found = new Dictionary<string, TensorData>();
        foreach (var tensor in saved)
        {
            if (!found.TryAdd(tensor.Name, tensor))
            {
                throw new InvalidDataException($"State tensor '{tensor.Name}' occurs twice.");
            }
        }

        foreach (var layout in Layout)
        {
            if (!found.Remove(layout.Name, out var tensor))
            {
                throw new InvalidDataException($"State tensor '{layout.Name}' is missing.");
            }

            if (tensor.Type != layout.Type || !tensor.Shape.SequenceEqual(layout.Shape) || tensor.Bytes.Length != layout.LengthBytes)
            {
                throw new InvalidDataException(
                    $"State tensor '{layout.Name}' is {tensor.Type} [{string.Join(", ", tensor.Shape)}] in {tensor.Bytes.Length} bytes, "
                        + $"expected {layout.Type} [{string.Join(", ", layout.Shape)}] in {layout.LengthBytes}."
                );
            }
        }

        if (found.Count > 0)
        {
            throw new InvalidDataException($"State tensor '{found.Keys.Order().First()}' is unknown to this recipe.");
        }

        Write(tensors, saved);
    }

    /// <summary>Writes only the tensors with certain names; whatever else is saved is left aside.</summary>
    /// <exception cref="InvalidDataException">One of them is missing, or of another type or shape.</exception>
    public void RestorePart(IReadOnlyList<TensorData> saved, Func<string, bool> wanted)
    {
        NamedTensor[] part = [.. tensors.Where(tensor => wanted(tensor.Name))];
        new TrainingState(part).Restore([.. saved.Where(tensor => wanted(tensor.Name))]);
    }

    private static void Write(IReadOnlyList<NamedTensor> tensors, IReadOnlyList<TensorData> saved)
    {
        var byName = saved.ToDictionary(tensor => tensor.Name);
        using var noGradient = no_grad();
        foreach (var (name, parts) in tensors)
        {
            var bytes = byName[name].Bytes.Span;
            foreach (var part in parts)
            {
                using var scope = NewDisposeScope();
                var host = part.device_type == DeviceType.CPU ? part : empty_like(part, device: CPU);
                var into = host.bytes;
                bytes[..into.Length].CopyTo(into);
                bytes = bytes[into.Length..];
                if (!ReferenceEquals(host, part))
                {
                    part.copy_(host);
                }
            }
        }
    }

    private static ElementType TypeOf(Tensor tensor) =>
        tensor.dtype switch
        {
            ScalarType.Float32 => ElementType.F32,
            ScalarType.Float64 => ElementType.F64,
            ScalarType.Int64 => ElementType.I64,
            _ => throw new NotSupportedException($"No state tensor is of type {tensor.dtype}."),
        };
}
