using System.Diagnostics.CodeAnalysis;
using Slowrun.Storage.Directories;

namespace Slowrun.Fleet.Silos;

/// <summary>
/// One client of this machine at a time starts silos for a store: otherwise several clients that find none alive would each start one. A
/// file lock, which is released when its holder ends in any way.
/// </summary>
internal sealed class StartClaim : IDisposable
{
    private const string FileName = "starting.lock";

    // EWOULDBLOCK of flock(2): the errno is the exception's HResult on Linux.
    private const int WouldBlock = 11;

    private readonly FileStream file;

    private StartClaim(FileStream file) => this.file = file;

    /// <returns>Null where another client has it.</returns>
    /// <exception cref="IOException">The folder of the store's logs cannot be written.</exception>
    [SuppressMessage("Interoperability", "CA1416", Justification = "Slowrun runs on Linux.")]
    public static StartClaim? Try(string storeAddress)
    {
        var folder = SiloLogs.FolderOf(storeAddress);
        try
        {
            PrivateFolders.Make(folder);
            // FileShare.None is flock(2) on Linux; the file stays, since a lock on a deleted file excludes no process.
            return new StartClaim(
                new FileStream(
                    Path.Combine(folder, FileName),
                    new FileStreamOptions
                    {
                        Mode = FileMode.OpenOrCreate,
                        Access = FileAccess.ReadWrite,
                        Share = FileShare.None,
                        UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                    }
                )
            );
        }
        catch (IOException e) when (e.HResult == WouldBlock)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException(
                $"No silo can be started here: the folder of its logs, '{folder}', cannot be written ({e.Message.TrimEnd('.')}). Make it writable.",
                e
            );
        }
    }

    public void Dispose() => file.Dispose();
}
