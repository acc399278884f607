using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Slowrun.Core.Tensors;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests;

/// <summary>
/// The upstream numbers that parity tests are held against: <c>SLOWRUN_FIXTURES</c>, else the copy beside the tests. Other sets of the
/// same schema have other shapes and seeds, so a parity test takes all of them from here.
/// </summary>
internal static class FixtureSet
{
    public static string Directory { get; } =
        Environment.GetEnvironmentVariable("SLOWRUN_FIXTURES") is { Length: > 0 } chosen
            ? chosen
            : Path.Combine(AppContext.BaseDirectory, "Fixtures");

    public static JsonObject Json(string name) => JsonNode.Parse(File.ReadAllBytes(Path.Combine(Directory, name + ".json")))!.AsObject();

    /// <summary>Every tensor of a safetensors file, in the header's order (upstream's registration order for weights).</summary>
    public static OrderedDictionary<string, TensorData> Tensors(string name)
    {
        var bytes = File.ReadAllBytes(Path.Combine(Directory, name + ".safetensors"));
        var headerLength = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        var header = JsonNode.Parse(bytes.AsSpan(8, headerLength))!.AsObject();
        var tensors = new OrderedDictionary<string, TensorData>();
        foreach (var (key, entry) in header)
        {
            if (key == "__metadata__")
            {
                continue;
            }

            var (begin, end) = ((int)entry!["data_offsets"]![0]!, (int)entry["data_offsets"]![1]!);
            tensors.Add(
                key,
                new TensorData(
                    key,
                    Enum.Parse<ElementType>((string)entry["dtype"]!),
                    [.. entry["shape"]!.AsArray().Select(n => (long)n!)],
                    bytes.AsMemory(8 + headerLength + begin, end - begin)
                )
            );
        }

        return tensors;
    }

    /// <summary>A new CPU tensor of the same values; the caller's dispose scope owns it.</summary>
    public static Tensor Torch(this TensorData data)
    {
        var result = empty(
            [.. data.Shape],
            data.Type switch
            {
                ElementType.F32 => ScalarType.Float32,
                ElementType.F64 => ScalarType.Float64,
                ElementType.BF16 => ScalarType.BFloat16,
                ElementType.I64 => ScalarType.Int64,
                ElementType.I32 => ScalarType.Int32,
                _ => throw new NotSupportedException($"'{data.Name}' is {data.Type}, which no fixture uses."),
            }
        );
        data.Bytes.Span.CopyTo(result.bytes);
        return result;
    }

    public static float[] Floats(this TensorData data) => MemoryMarshal.Cast<byte, float>(data.Bytes.Span).ToArray();

    public static long[] Longs(this TensorData data) => MemoryMarshal.Cast<byte, long>(data.Bytes.Span).ToArray();

    public static int[] Ints(this TensorData data) => MemoryMarshal.Cast<byte, int>(data.Bytes.Span).ToArray();

    public static double[] Doubles(this JsonNode? node) => [.. node!.AsArray().Select(n => (double)n!)];
}
