using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Slowrun.Infra.Tests.Rehearsal;

/// <summary>A network of the kernel's own, without any way out until it is linked to another one.</summary>
internal sealed partial class NetworkNamespace : IAsyncDisposable
{
    private const string Prefix = "slowrun-";
    private const int CloneNewNet = 0x40000000;

    private NetworkNamespace(string name) => Name = name;

    /// <summary>As <c>ip netns</c> knows it; tells which test process it is of.</summary>
    public string Name { get; }

    public static async Task<NetworkNamespace> CreateAsync(string name)
    {
        var made = new NetworkNamespace($"{Prefix}{Environment.ProcessId}-{name}");
        await Tool.DoAsync("ip", "netns", "add", made.Name);
        await made.IpAsync("link", "set", "lo", "up");
        return made;
    }

    /// <summary>Removes what a test process that was killed left behind.</summary>
    public static async Task SweepAsync()
    {
        foreach (var name in (await Tool.DoAsync("ip", "netns", "list")).Split('\n').Select(line => line.Split(' ')[0]))
        {
            if (name.Split('-') is ["slowrun", var process, _, ..] && !Directory.Exists($"/proc/{process}"))
            {
                await Tool.DoAsync("ip", "netns", "delete", name);
            }
        }
    }

    public Task IpAsync(params string[] arguments) => Tool.DoAsync("ip", ["-n", Name, .. arguments]);

    /// <summary>Makes something of this network: a socket stays in the network of the thread that made it.</summary>
    public T Inside<T>(Func<T> make)
    {
        T made = default!;
        Exception? failure = null;
        // Never a thread of the pool: it stays in the network.
        var thread = new Thread(() =>
        {
            try
            {
                using var network = File.OpenHandle($"/run/netns/{Name}");
                if (SetNamespace(network, CloneNewNet) != 0)
                {
                    throw new Win32Exception(Marshal.GetLastPInvokeError());
                }

                made = make();
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        return failure is null
            ? made
            : throw new InvalidOperationException($"Nothing could be made in the network '{Name}': {failure.Message}", failure);
    }

    public async ValueTask DisposeAsync() => await Tool.RunAsync("ip", "netns", "delete", Name);

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int SetNamespace(SafeHandle file, int kind);
}
