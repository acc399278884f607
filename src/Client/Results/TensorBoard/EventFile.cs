using Google.Protobuf;
using Slowrun.Core;

namespace Slowrun.Client.Results.TensorBoard;

/// <summary>
/// A file of events that grows: opened again, it goes on behind what it has, so that a TensorBoard that reads it meanwhile sees one curve.
/// What a writer that died has left of a record is cut off.
/// </summary>
internal sealed class EventFile : IDisposable
{
    private readonly FileStream file;
    private readonly Dictionary<string, (long Step, float Value)> last = new(StringComparer.Ordinal);

    /// <exception cref="InvalidRequestException">Another program writes it, or it is something else.</exception>
    public EventFile(string path)
    {
        try
        {
            // Read by TensorBoard meanwhile, written by one program at a time.
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        }
        catch (IOException e)
        {
            throw new InvalidRequestException(
                $"'{path}' cannot be written: {e.Message} If another 'slowrun metrics --to tensorboard' writes it, end that one, or name another folder.",
                e
            );
        }

        try
        {
            GoOn(path);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The last step for which the file has a value, and that value; 0: none.</summary>
    public (long Step, float Value) LastOf(string tag) => last.GetValueOrDefault(tag);

    public void Add(ScalarEvent scalars)
    {
        TfRecords.Write(file, scalars.Bytes());
        Note(scalars);
    }

    /// <summary>Lets a reader see what was added.</summary>
    public void Flush() => file.Flush();

    public void Dispose() => file.Dispose();

    private void GoOn(string path)
    {
        long whole = 0;
        while (TfRecords.TryRead(file) is { } record)
        {
            try
            {
                Note(ScalarEvent.Parse(record));
            }
            catch (InvalidProtocolBufferException)
            {
                throw NotOurs(path);
            }

            whole = file.Position;
        }

        // A torn first record is shorter than a whole one. A longer file without a whole record is of another program.
        if (whole == 0 && file.Length > 2 * ScalarEvent.FileVersion().Length)
        {
            throw NotOurs(path);
        }

        file.SetLength(whole);
        file.Position = whole;
        if (whole == 0)
        {
            TfRecords.Write(file, ScalarEvent.FileVersion());
        }
    }

    private static InvalidRequestException NotOurs(string path) =>
        new($"'{path}' is no file of TensorBoard's events. Name another folder, or remove the file.");

    private void Note(ScalarEvent scalars)
    {
        foreach (var (tag, value) in scalars.Values)
        {
            last[tag] = scalars.Step >= LastOf(tag).Step ? (scalars.Step, value) : last[tag];
        }
    }
}
