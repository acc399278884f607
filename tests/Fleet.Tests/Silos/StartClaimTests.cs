using System.Net.Sockets;
using Slowrun.Fleet.Silos;

namespace Slowrun.Fleet.Tests.Silos;

public sealed class StartClaimTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Try_WhileAnotherHoldsIt_IsNull()
    {
        using (var first = StartClaim.Try(folder.Path))
        {
            Assert.NotNull(first);
            Assert.Null(StartClaim.Try(folder.Path));
        }

        using var next = StartClaim.Try(folder.Path);
        Assert.NotNull(next);
    }

    /// <summary>Nobody holds it then, and waiting for another client would never end. As on a file system mounted read-only; a socket
    /// can be opened by nobody, root included.</summary>
    [Fact]
    public void Try_WhereTheLockCannotBeOpened_SaysWhatToDo()
    {
        var logs = SiloLogs.FolderOf(folder.Path);
        Directory.CreateDirectory(logs);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(Path.Combine(logs, "starting.lock")));

        var e = Assert.Throws<IOException>(() => StartClaim.Try(folder.Path));

        Assert.StartsWith(
            $"No silo can be started here: the folder of its logs, '{logs}', cannot be written (",
            e.Message,
            StringComparison.Ordinal
        );
        Assert.EndsWith(" Make it writable.", e.Message, StringComparison.Ordinal);
    }
}
