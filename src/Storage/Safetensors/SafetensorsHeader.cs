using System.Text.Json;
using Slowrun.Core.Tensors;

namespace Slowrun.Storage.Safetensors;

/// <summary>What a safetensors file says it holds, checked: tensors in the order of their bytes, without overlap or gap.</summary>
/// <param name="Tensors">In file order.</param>
/// <param name="DataStart">Where the first tensor's bytes begin in the file.</param>
public sealed record SafetensorsHeader(IReadOnlyList<TensorLayout> Tensors, long DataStart)
{
    /// <summary>The one entry of a header that is no tensor.</summary>
    internal const string Metadata = "__metadata__";

    /// <param name="json">The header's bytes.</param>
    /// <param name="dataBytes">Bytes that follow the header in the file.</param>
    /// <param name="what">The file's name, for errors.</param>
    /// <exception cref="InvalidDataException">Anything about it is not as the format wants it.</exception>
    internal static SafetensorsHeader Parse(ReadOnlyMemory<byte> json, long dataBytes, string what)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw Broken(what, $"its header is a JSON {document.RootElement.ValueKind}, not an object");
            }

            var names = new HashSet<string>(StringComparer.Ordinal);
            var entries = new List<Entry>();
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (!names.Add(property.Name))
                {
                    throw Broken(what, $"two entries of its header are named '{property.Name}'");
                }

                if (property.Name != Metadata)
                {
                    entries.Add(Read(property.Name, property.Value, what));
                }
            }

            return new SafetensorsHeader(InOrder(entries, dataBytes, what), sizeof(long) + json.Length);
        }
        catch (Exception e)
            when (e is JsonException or FormatException or InvalidOperationException or OverflowException or KeyNotFoundException)
        {
            throw new InvalidDataException($"'{what}' is no safetensors file that can be read: {e.Message}", e);
        }
    }

    internal static InvalidDataException Broken(string what, string found) =>
        new($"'{what}' is no safetensors file that can be read: {found}.");

    private static Entry Read(string name, JsonElement value, string what)
    {
        if (value.ValueKind != JsonValueKind.Object || value.EnumerateObject().Count() != 3)
        {
            throw Broken(what, $"entry '{name}' has not exactly dtype, shape and data_offsets");
        }

        var dtype = value.GetProperty("dtype").GetString();
        // By name alone: Enum.TryParse would also take a number.
        if (dtype is null || !Enum.GetNames<ElementType>().Contains(dtype, StringComparer.Ordinal))
        {
            throw Broken(
                what,
                $"tensor '{name}' has the type '{dtype}', which is none of {string.Join(", ", Enum.GetNames<ElementType>())}"
            );
        }

        long[] shape = [.. value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())];
        long[] offsets = [.. value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt64())];
        if (offsets.Length != 2 || shape.Any(size => size < 0))
        {
            throw Broken(
                what,
                $"tensor '{name}' has the shape [{string.Join(", ", shape)}] and the offsets [{string.Join(", ", offsets)}]"
            );
        }

        var entry = new Entry(new TensorLayout(name, Enum.Parse<ElementType>(dtype), shape), offsets[0], offsets[1]);
        var length = entry.Layout.LengthBytes;
        return length == checked(entry.End - entry.Begin)
            ? entry
            : throw Broken(
                what,
                $"tensor '{name}' of {dtype} [{string.Join(", ", shape)}] has {length} bytes, but its offsets are {entry.Begin} to {entry.End}"
            );
    }

    private static List<TensorLayout> InOrder(List<Entry> entries, long dataBytes, string what)
    {
        // Among those that begin at one place, the empty ones come first. Stable: empty ones keep the header's order.
        var sorted = entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End).ToList();
        long end = 0;
        foreach (var entry in sorted)
        {
            if (entry.Begin != end)
            {
                throw Broken(
                    what,
                    $"tensor '{entry.Layout.Name}' begins at {entry.Begin}, where {end} was expected ({(entry.Begin < end ? "an overlap" : "a gap")})"
                );
            }

            if (entry.Layout.LengthBytes > Array.MaxLength)
            {
                throw Broken(
                    what,
                    $"tensor '{entry.Layout.Name}' has {entry.Layout.LengthBytes} bytes, more than the {Array.MaxLength} that can be held"
                );
            }

            end = entry.End;
        }

        return end == dataBytes
            ? [.. sorted.Select(entry => entry.Layout)]
            : throw Broken(what, $"its header describes {end} bytes of data, the file has {dataBytes}");
    }

    private sealed record Entry(TensorLayout Layout, long Begin, long End);
}
