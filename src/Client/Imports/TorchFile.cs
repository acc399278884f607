using System.Collections;
using System.IO.Compression;
using System.Text;
using Razorvine.Pickle;
using Slowrun.Core;
using Slowrun.Core.Tensors;

namespace Slowrun.Client.Imports;

/// <summary>Reads tensors of a file of <c>torch.save</c> (a ZIP archive, as torch writes it from 1.6 on), without running code of
/// it.</summary>
internal static class TorchFile
{
    private const string Tree = "data.pkl";

    // The object tree holds no numbers: a few hundred bytes a tensor.
    private const long LongestTreeBytes = 256L << 20;

    // Keys under which a training script keeps its model among other things.
    private static readonly string[] Models = ["model", "state_dict", "model_state_dict", "module"];

    /// <summary>Whether a file begins as a ZIP archive does.</summary>
    public static bool IsArchive(ReadOnlySpan<byte> begin) => begin.StartsWith("PK\x03\x04"u8);

    /// <exception cref="InvalidRequestException">Not such a file, or without tensors.</exception>
    public static async Task<IReadOnlyList<TensorData>> ReadAsync(string path, CancellationToken stop)
    {
        try
        {
            await using var archive = await ZipFile.OpenReadAsync(path, stop);
            var tree =
                archive.Entries.FirstOrDefault(entry => entry.Name == Tree)
                ?? throw Wrong(path, $"it is a ZIP archive without an entry '{Tree}'");
            var root = tree.FullName[..^Tree.Length];
            await CheckByteOrderAsync(archive, root, path, stop);
            var tensors = new List<TensorData>();
            foreach (var (name, tensor) in StateOf(TorchPickle.Read(await TreeAsync(tree, path, stop)), path))
            {
                tensors.Add(new TensorData(name, tensor.Type, tensor.Shape, await NumbersAsync(archive, root, name, tensor, path, stop)));
            }

            return tensors;
        }
        catch (Exception e)
            when (e
                    is PickleException
                        or InvalidOpcodeException
                        or InvalidDataException
                        or InvalidCastException
                        or FormatException
                        or OverflowException
                        or IndexOutOfRangeException
                        or ArgumentException
                        or NullReferenceException
                        or EndOfStreamException
            )
        {
            throw Wrong(path, $"it cannot be read: {e.Message.Split('\n')[0].TrimEnd('.')}", e);
        }
    }

    private static async Task<byte[]> TreeAsync(ZipArchiveEntry entry, string path, CancellationToken stop)
    {
        if (entry.Length > LongestTreeBytes)
        {
            throw Wrong(path, $"its object tree has {Human.Bytes(entry.Length)}, expected at most {Human.Bytes(LongestTreeBytes)}");
        }

        var bytes = new byte[entry.Length];
        await using var content = await entry.OpenAsync(stop);
        await content.ReadExactlyAsync(bytes, stop);
        return bytes;
    }

    private static async Task CheckByteOrderAsync(ZipArchive archive, string root, string path, CancellationToken stop)
    {
        if (archive.GetEntry(root + "byteorder") is { Length: < 16 } entry)
        {
            await using var content = await entry.OpenAsync(stop);
            using var reader = new StreamReader(content, Encoding.ASCII);
            if (await reader.ReadToEndAsync(stop) is var order && order != "little")
            {
                throw Wrong(path, $"its numbers are {order}-endian, expected little");
            }
        }
    }

    /// <summary>The model's tensors: the tree itself, or what it keeps under a usual key.</summary>
    private static IEnumerable<(string Name, TorchTensor Tensor)> StateOf(object? tree, string path)
    {
        var found = TensorsOf(tree).ToList();
        if (found.Count == 0 && tree is Hashtable all)
        {
            found = [.. Models.Select(key => TensorsOf(all[key]).ToList()).FirstOrDefault(tensors => tensors.Count > 0) ?? []];
        }

        return found.Count > 0
            ? found
            : throw Wrong(
                path,
                "it holds no tensors by name"
                    + (
                        tree is Hashtable keys
                            ? $"; its keys are {string.Join(", ", keys.Keys.OfType<string>().Order(StringComparer.Ordinal).Take(8))}, and the model's are looked for at the top and under {string.Join(", ", Models)}"
                            : ""
                    )
            );
    }

    private static IEnumerable<(string Name, TorchTensor Tensor)> TensorsOf(object? tree) =>
        tree is Hashtable entries
            ? entries
                .Keys.OfType<string>()
                .Where(name => entries[name] is TorchTensor)
                .Order(StringComparer.Ordinal)
                .Select(name => (name, (TorchTensor)entries[name]!))
            : [];

    private static async Task<byte[]> NumbersAsync(
        ZipArchive archive,
        string root,
        string name,
        TorchTensor tensor,
        string path,
        CancellationToken stop
    )
    {
        var size = tensor.Type.SizeBytes();
        var entry =
            archive.GetEntry($"{root}data/{tensor.Storage}")
            ?? throw Wrong(path, $"the numbers of tensor '{name}' ('{root}data/{tensor.Storage}') are missing");
        if (tensor.Shape.Count != tensor.Stride.Count || tensor.Shape.Any(n => n < 0) || tensor.Stride.Any(n => n < 0) || tensor.Offset < 0)
        {
            throw Wrong(path, $"tensor '{name}' has a shape that is none");
        }

        var count = tensor.Shape.Aggregate(1L, (all, n) => checked(all * n));
        var last = count == 0 ? -1 : tensor.Offset + tensor.Shape.Zip(tensor.Stride, (n, stride) => checked((n - 1) * stride)).Sum();
        if (last >= tensor.StorageCount || checked(tensor.StorageCount * size) != entry.Length)
        {
            throw Wrong(path, $"tensor '{name}' reaches beyond its {Human.Bytes(entry.Length)}");
        }

        await using var content = await entry.OpenAsync(stop);
        if (IsContiguous(tensor))
        {
            await SkipAsync(content, tensor.Offset * size, stop);
            var bytes = GC.AllocateUninitializedArray<byte>(checked((int)(count * size)));
            await content.ReadExactlyAsync(bytes, stop);
            return bytes;
        }

        var storage = GC.AllocateUninitializedArray<byte>(checked((int)entry.Length));
        await content.ReadExactlyAsync(storage, stop);
        return Gathered(storage, tensor, count, size);
    }

    private static bool IsContiguous(TorchTensor tensor)
    {
        long expected = 1;
        for (var i = tensor.Shape.Count - 1; i >= 0; i--)
        {
            if (tensor.Shape[i] > 1 && tensor.Stride[i] != expected)
            {
                return false;
            }

            expected *= tensor.Shape[i];
        }

        return true;
    }

    /// <summary>In the order of its indexes, the last one fastest: of a transposed matrix, for example.</summary>
    private static byte[] Gathered(byte[] storage, TorchTensor tensor, long count, int size)
    {
        var bytes = new byte[checked((int)(count * size))];
        var index = new long[tensor.Shape.Count];
        for (long i = 0; i < count; i++)
        {
            var at = tensor.Offset;
            for (var d = 0; d < index.Length; d++)
            {
                at += index[d] * tensor.Stride[d];
            }

            storage.AsSpan((int)(at * size), size).CopyTo(bytes.AsSpan((int)(i * size)));
            for (var d = index.Length - 1; d >= 0 && ++index[d] == tensor.Shape[d]; d--)
            {
                index[d] = 0;
            }
        }

        return bytes;
    }

    private static async Task SkipAsync(Stream content, long bytes, CancellationToken stop)
    {
        var block = new byte[Math.Min(bytes, 1 << 16)];
        while (bytes > 0)
        {
            var piece = (int)Math.Min(bytes, block.Length);
            await content.ReadExactlyAsync(block.AsMemory(0, piece), stop);
            bytes -= piece;
        }
    }

    private static InvalidRequestException Wrong(string path, string found, Exception? inner = null) =>
        new(
            $"'{path}' is not a model that torch has saved: {found}. Expected is what torch.save(model.state_dict(), FILE) writes; or save it as safetensors.",
            inner
        );
}
