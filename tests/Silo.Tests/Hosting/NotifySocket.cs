using System.Net.Sockets;
using System.Text;

namespace Slowrun.Silo.Tests.Hosting;

/// <summary>The socket at which a service manager listens, in a separate folder.</summary>
internal sealed class NotifySocket : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly Socket socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);

    public NotifySocket()
    {
        Path = System.IO.Path.Combine(Folder, "notify");
        socket.Bind(new UnixDomainSocketEndPoint(Path));
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("slowrun-notify-").FullName;

    public string Path { get; }

    public async Task<string> NextAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Patience);
        var buffer = new byte[4096];
        return Encoding.UTF8.GetString(buffer, 0, await socket.ReceiveAsync(buffer, limit.Token));
    }

    public void Dispose()
    {
        socket.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
