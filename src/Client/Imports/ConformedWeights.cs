using System.Runtime.InteropServices;
using Slowrun.Core;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tensors;

namespace Slowrun.Client.Imports;

/// <summary>Weights as a finished stage keeps them: float32, under upstream's names, those of the recipe's model and no others.</summary>
/// <param name="Tensors">In any order.</param>
/// <param name="Notes">What was done to them beside a change of type, a sentence each.</param>
internal sealed record ConformedWeights(IReadOnlyList<TensorData> Tensors, IReadOnlyList<string> Notes)
{
    // torch.compile's, DistributedDataParallel's, and that of a model kept as another's member.
    private static readonly string[] Wrappers = ["_orig_mod.", "module.", "model."];

    // Tables of rotary angles: computed, not learnt.
    private static readonly string[] Buffers = ["cos", "sin"];

    /// <param name="path">Of their file, for errors.</param>
    /// <exception cref="InvalidRequestException">They are no weights of such a model.</exception>
    public static ConformedWeights Of(IReadOnlyList<TensorData> found, ModelRecipe model, SelectionRecipe selection, string path)
    {
        ArgumentNullException.ThrowIfNull(model);
        var table = ParameterTable.Of(model).ToDictionary(one => one.Name, StringComparer.Ordinal);
        var tensors = new Dictionary<string, TensorData>(StringComparer.Ordinal);
        var (buffers, ahead) = (0, 0);
        foreach (var tensor in found)
        {
            var (prefix, name) = Named(tensor.Name, table);
            if (!table.ContainsKey(name))
            {
                if (Buffers.Contains(name[(name.LastIndexOf('.') + 1)..]))
                {
                    buffers++;
                    continue;
                }

                if (!model.MtpBlock && name.StartsWith("mtp_", StringComparison.Ordinal))
                {
                    ahead++;
                    continue;
                }
            }

            if (!tensors.TryAdd(prefix + name, Float32(tensor, prefix + name, table.GetValueOrDefault(name)?.Rounded == true, path)))
            {
                throw Wrong(path, $"it has two tensors for '{prefix + name}', one of them named '{tensor.Name}'.");
            }
        }

        var problem = WeightsCheck.Problem(model, selection, tensors.Values.Select(tensor => tensor.Layout));
        return problem is null ? new([.. tensors.Values], NotesOf(buffers, ahead)) : throw Wrong(path, problem);
    }

    private static List<string> NotesOf(int buffers, int ahead)
    {
        var notes = new List<string>();
        if (buffers > 0)
        {
            notes.Add(FormattableString.Invariant($"{buffers} tables of rotary angles are left out: they are computed."));
        }

        if (ahead > 0)
        {
            notes.Add(
                FormattableString.Invariant(
                    $"{ahead} tensors of a block that predicts further ahead are left out: the recipe's model has none (model.mtpBlock)."
                )
            );
        }

        return notes;
    }

    /// <summary>The prefix of the model among several, and the parameter's name without what wrapped the module.</summary>
    private static (string Prefix, string Name) Named(string found, Dictionary<string, ParameterSpec> table)
    {
        var prefix = SnapshotModels.PrefixOf(found);
        var name = found[prefix.Length..];
        while (!table.ContainsKey(name) && Wrappers.FirstOrDefault(wrapper => name.StartsWith(wrapper, StringComparison.Ordinal)) is { } of)
        {
            name = name[of.Length..];
        }

        return (prefix, name);
    }

    private static TensorData Float32(TensorData tensor, string name, bool rounded, string path)
    {
        var found = tensor.Bytes.Span;
        // A model of gigabytes is not copied where its numbers stay as they are.
        var bytes =
            tensor.Type == ElementType.F32 && !rounded
                ? tensor.Bytes
                : tensor.Type switch
                {
                    ElementType.F32 => Converted<float>(found, number => number),
                    ElementType.BF16 => Converted<ushort>(found, Widened),
                    ElementType.F16 => Converted<Half>(found, number => (float)number),
                    ElementType.F64 => Converted<double>(found, number => (float)number),
                    _ => throw Wrong(
                        path,
                        $"tensor '{tensor.Name}' is of type {tensor.Type}, expected numbers with a fraction (F32, BF16, F16, F64)."
                    ),
                };
        var values = MemoryMarshal.Cast<byte, float>(bytes.Span);
        for (var i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
            {
                throw Wrong(path, $"number {i} of tensor '{tensor.Name}' is {values[i]}: a model with such weights predicts nothing.");
            }
        }

        return new TensorData(name, ElementType.F32, tensor.Shape, bytes);

        ReadOnlyMemory<byte> Converted<T>(ReadOnlySpan<byte> from, Func<T, float> convert)
            where T : unmanaged
        {
            var numbers = MemoryMarshal.Cast<byte, T>(from);
            var into = new byte[numbers.Length * sizeof(float)];
            var floats = MemoryMarshal.Cast<byte, float>(into.AsSpan());
            for (var i = 0; i < numbers.Length; i++)
            {
                var number = convert(numbers[i]);
                floats[i] = rounded ? Widened(Bfloat16.Round(number)) : number;
            }

            return into;
        }
    }

    /// <summary>The number whose upper half of bits a bfloat16 is.</summary>
    private static float Widened(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    private static InvalidRequestException Wrong(string path, string found) =>
        new(
            $"'{path}' does not fit the recipe's model: {found} Expected are weights of the architecture that the spec (--spec, --set) describes."
        );
}
