using System.Buffers;
using System.IO.Hashing;
using System.Security.Cryptography;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Safetensors;

namespace Slowrun.Storage.Checkpoints;

/// <summary>
/// A verified snapshot's weights, to be read again and again: where a file holds them each reading copies a tensor into private memory and
/// verifies the copy, so that what is used is what was hashed, even if the file changes, and memory does not grow with the number of
/// snapshots. A map would show what others write to the file, and end the process where they cut it short.
/// </summary>
public sealed class SnapshotWeights : IDisposable
{
    private const int BlockBytes = 1 << 20;

    // One tensor at a time: of each thread that reads, as large as the largest.
    [ThreadStatic]
    private static byte[]? copy;

    private readonly FileStream? file;
    private readonly string name = "";
    private readonly string sha256 = "";
    private volatile string? damage;

    internal SnapshotWeights(IReadOnlyList<TensorData> tensors) => Tensors = tensors;

    private SnapshotWeights(
        FileStream file,
        string name,
        string sha256,
        IEnumerable<(TensorLayout Layout, long Offset, UInt128 Hash)> parts
    )
    {
        (this.file, this.name, this.sha256) = (file, name, sha256);
        Tensors =
        [
            .. parts.Select(part => new TensorData(
                part.Layout.Name,
                part.Layout.Type,
                part.Layout.Shape,
                new Part(this, part.Layout, part.Offset, part.Hash).Memory
            )),
        ];
    }

    /// <summary>
    /// Valid until this is disposed. Bytes that a thread reads from a file are its own until it reads the next tensor's of any snapshot: to
    /// be copied to where they are needed. Reading throws <see cref="InvalidDataException"/> where the file is no longer what was verified.
    /// </summary>
    public IReadOnlyList<TensorData> Tensors { get; }

    /// <summary>What a reading found wrong; null: nothing so far.</summary>
    public string? Damage => damage;

    /// <summary>Reads all of a file once, to verify it.</summary>
    /// <param name="file">Ours from now on. It stays open: by its shared lock a cache knows that the file is in use.</param>
    /// <param name="name">The object's, for errors.</param>
    /// <exception cref="InvalidDataException">Damaged.</exception>
    internal static async Task<SnapshotWeights> OpenAsync(FileStream file, string name, string sha256, CancellationToken cancellationToken)
    {
        try
        {
            using var whole = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var hashed = new HashingReadStream(file, whole.AppendData);
            var header = await SafetensorsReader.ReadHeaderAsync(hashed, file.Length, name, cancellationToken).ConfigureAwait(false);
            var parts = new List<(TensorLayout, long, UInt128)>(header.Tensors.Count);
            var offset = header.DataStart;
            var block = new byte[BlockBytes];
            foreach (var layout in header.Tensors)
            {
                parts.Add((layout, offset, await HashAsync(hashed, layout.LengthBytes, block, cancellationToken).ConfigureAwait(false)));
                offset += layout.LengthBytes;
            }

            SnapshotStore.Expect(name, whole.GetCurrentHash(), sha256);
            return new SnapshotWeights(file, name, sha256, parts);
        }
        catch
        {
            await file.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public void Dispose() => file?.Dispose();

    private static async Task<UInt128> HashAsync(Stream content, long length, byte[] block, CancellationToken cancellationToken)
    {
        var hash = new XxHash128();
        int read;
        for (var left = length; left > 0; left -= read)
        {
            read = await content.ReadAsync(block.AsMemory(0, (int)Math.Min(block.Length, left)), cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                // The hash of the whole says so.
                break;
            }

            hash.Append(block.AsSpan(0, read));
        }

        return hash.GetCurrentHashAsUInt128();
    }

    private ReadOnlySpan<byte> Read(TensorLayout layout, long offset, UInt128 expected)
    {
        var length = checked((int)layout.LengthBytes);
        if (copy is null || copy.Length < length)
        {
            copy = GC.AllocateUninitializedArray<byte>(length);
        }

        var into = copy.AsSpan(0, length);
        var read = 0;
        int more;
        while (read < length && (more = RandomAccess.Read(file!.SafeFileHandle, into[read..], offset + read)) > 0)
        {
            read += more;
        }

        if (read == length && XxHash128.HashToUInt128(into) == expected)
        {
            return into;
        }

        damage =
            $"The snapshot '{name}' was damaged while it was in use: "
            + (
                read < length
                    ? $"its tensor '{layout.Name}' ends {length - read} bytes early"
                    : $"the bytes of its tensor '{layout.Name}' are no longer those that were verified"
            )
            + $" against SHA-256 {sha256}. Put the object back from a copy.";
        throw new InvalidDataException(damage);
    }

    private sealed class Part(SnapshotWeights weights, TensorLayout layout, long offset, UInt128 hash) : MemoryManager<byte>
    {
        public override Memory<byte> Memory => CreateMemory(checked((int)layout.LengthBytes));

        // A disposed file refuses: the handle is closed.
        public override Span<byte> GetSpan()
        {
            _ = weights.Read(layout, offset, hash);
            return copy.AsSpan(0, (int)layout.LengthBytes);
        }

        public override MemoryHandle Pin(int elementIndex = 0) =>
            throw new NotSupportedException("A tensor of a snapshot's file is copied out, not pinned.");

        public override void Unpin() { }

        protected override void Dispose(bool disposing) { }
    }
}
