using System.Buffers;
using System.Collections.Concurrent;
using System.IO.MemoryMappedFiles;
using System.Security.Cryptography;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Safetensors;

namespace Slowrun.Storage.Checkpoints;

/// <summary>
/// A verified snapshot's weights, to be read again and again: where a file holds them they are mapped, and take no memory that the machine
/// cannot have back.
/// </summary>
public sealed class SnapshotWeights : IDisposable
{
    // What was verified once is not hashed again in this process, as long as the file is that one.
    private static readonly ConcurrentDictionary<(string Path, string Sha256, long LengthBytes, DateTime ModifiedAt), bool> Verified = new();

    private readonly MemoryMappedFile? file;
    private readonly MemoryMappedViewAccessor? view;

    internal SnapshotWeights(IReadOnlyList<TensorData> tensors) => Tensors = tensors;

    private SnapshotWeights(FileStream stream, SafetensorsHeader header)
    {
        // The stream stays open with the map, and with it the shared lock by which a cache knows that the file is in use.
        file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
        view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        var tensors = new List<TensorData>(header.Tensors.Count);
        var offset = header.DataStart;
        foreach (var layout in header.Tensors)
        {
            var length = checked((int)layout.LengthBytes);
            tensors.Add(new TensorData(layout.Name, layout.Type, layout.Shape, new MappedPart(view, offset, length).Memory));
            offset += length;
        }

        Tensors = tensors;
    }

    /// <summary>Valid until this is disposed.</summary>
    public IReadOnlyList<TensorData> Tensors { get; }

    /// <param name="name">The object's, for errors.</param>
    /// <exception cref="InvalidDataException">Damaged.</exception>
    internal static async Task<SnapshotWeights> MapAsync(string path, string name, string sha256, CancellationToken cancellationToken)
    {
        var stream = Tokens.MappedTokenSet.OpenShared(path);
        try
        {
            var key = (Path.GetFullPath(path), sha256, stream.Length, File.GetLastWriteTimeUtc(path));
            if (!Verified.ContainsKey(key))
            {
                SnapshotStore.Expect(name, await SHA256.HashDataAsync(stream, cancellationToken).ConfigureAwait(false), sha256);
                Verified[key] = true;
            }

            stream.Position = 0;
            return new SnapshotWeights(stream, await SafetensorsReader.ReadHeaderAsync(stream, stream.Length, name, cancellationToken).ConfigureAwait(false));
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public void Dispose()
    {
        view?.Dispose();
        file?.Dispose();
    }

    private sealed unsafe class MappedPart(MemoryMappedViewAccessor view, long offset, int length) : MemoryManager<byte>
    {
        public override Span<byte> GetSpan()
        {
            // A disposed view refuses: better an error than a read of memory that is gone.
            ObjectDisposedException.ThrowIf(view.SafeMemoryMappedViewHandle.IsClosed, this);
            return new((byte*)view.SafeMemoryMappedViewHandle.DangerousGetHandle() + view.PointerOffset + offset, length);
        }

        public override MemoryHandle Pin(int elementIndex = 0) => new((byte*)view.SafeMemoryMappedViewHandle.DangerousGetHandle() + view.PointerOffset + offset + elementIndex);

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
