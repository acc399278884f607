using System.Buffers;
using System.IO.Hashing;
using System.IO.MemoryMappedFiles;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Safetensors;

namespace Slowrun.Storage.Runs;

/// <summary>
/// A score's p(target) of every token: a private copy, or mapped from a file where there are more than memory holds (hundreds of members on
/// millions of tokens). A map shows what others write to the file: call <see cref="Check"/> before a result computed from it is stored.
/// </summary>
public sealed unsafe class ScoreVector : IDisposable
{
    private readonly Mapped? mapped;
    private readonly Action check = () => { };

    private ScoreVector(Mapped mapped, Action check) => (this.mapped, this.check, P) = (mapped, check, mapped.Memory);

    internal ScoreVector(float[] values) => P = values;

    internal bool IsMapped => mapped is not null;

    /// <summary>Valid until this is disposed.</summary>
    public ReadOnlyMemory<float> P { get; }

    public void Dispose() => ((IDisposable?)mapped)?.Dispose();

    /// <summary>Reads a mapped vector's file once more: if it throws, nothing that was computed from it may be kept.</summary>
    /// <exception cref="InvalidDataException">The file was changed since it was opened.</exception>
    public void Check() => check();

    /// <summary>Maps a vector's file and reads all of it once, to verify it.</summary>
    /// <param name="changed">What <see cref="Check"/> throws.</param>
    /// <returns>Null where it is not what the hash says.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <param name="stream">Stays open with the map, and with it the shared lock by which a cache knows that the file is in use.</param>
    /// <param name="path">For errors.</param>
    internal static ScoreVector? TryMap(FileStream stream, string path, string xxHash128, Func<InvalidDataException> changed)
    {
        try
        {
            if (HashOf(stream) != xxHash128)
            {
                stream.Dispose();
                return null;
            }

            stream.Position = 0;
            var header = SafetensorsReader.ReadHeaderAsync(stream, stream.Length, path).GetAwaiter().GetResult();
            if (header.Tensors is not [{ Name: RunScores.TensorName, Type: ElementType.F32, Shape: [var count] }])
            {
                stream.Dispose();
                return null;
            }

            return new ScoreVector(
                new Mapped(stream, header.DataStart, checked((int)count)),
                () =>
                {
                    if (count > 0 && HashOf(stream) != xxHash128)
                    {
                        throw changed();
                    }
                }
            );
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    private static string HashOf(FileStream stream)
    {
        var hash = new XxHash128();
        stream.Position = 0;
        hash.Append(stream);
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    private sealed class Mapped : MemoryManager<float>
    {
        private readonly MemoryMappedFile? file;
        private readonly MemoryMappedViewAccessor? view;
        private readonly float* start;
        private readonly int length;

        public Mapped(FileStream stream, long dataStart, int length)
        {
            this.length = length;
            if (length == 0)
            {
                // There is no map of nothing.
                stream.Dispose();
                return;
            }

            file = MemoryMappedFile.CreateFromFile(
                stream,
                null,
                0,
                MemoryMappedFileAccess.Read,
                HandleInheritability.None,
                leaveOpen: false
            );
            view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            byte* pointer = null;
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
            start = (float*)(pointer + dataStart);
        }

        public override Span<float> GetSpan() => new(start, length);

        public override MemoryHandle Pin(int elementIndex = 0) => new(start + elementIndex);

        public override void Unpin() { }

        protected override void Dispose(bool disposing)
        {
            if (view is not null)
            {
                view.SafeMemoryMappedViewHandle.ReleasePointer();
                view.Dispose();
                file!.Dispose();
            }
        }
    }
}
