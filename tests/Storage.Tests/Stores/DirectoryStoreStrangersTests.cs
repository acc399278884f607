using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Slowrun.Storage.Caches;
using Slowrun.Storage.Directories;
using Slowrun.Storage.Runs;

namespace Slowrun.Storage.Tests.Stores;

/// <summary>Files that another user may have put into a store's directory: the store does not wait for them, follow them, or write through
/// them.</summary>
public sealed class DirectoryStoreStrangersTests : IDisposable
{
    private const UnixFileMode OwnersFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly TemporaryFolder folder = new();
    private readonly DirectoryStore store;

    public DirectoryStoreStrangersTests()
    {
        store = DirectoryStore.Open(folder["store"]);
        Directory.CreateDirectory(folder["elsewhere"]);
        File.WriteAllText(folder["elsewhere/file"], "not the store's");
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    public static TheoryData<string, string> Kinds =>
        new()
        {
            { "fifo", "fifo" },
            { "socket", "socket" },
            { "link", "symbolic link" },
            { "dangling", "symbolic link" },
            { "loop", "symbolic link" },
        };

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Read_OfWhatIsNoFile_SaysWhatItIsAtOnce(string kind, string words)
    {
        await PutAsync(kind, "runs/r/intent");

        foreach (
            var read in new Func<Task>[]
            {
                () => store.TryReadAsync("runs/r/intent", Cancel),
                () => store.TryOpenAsync("runs/r/intent", cancellationToken: Cancel),
                () => store.TryReplaceAsync("runs/r/intent", Bytes("x"), "etag", Cancel),
                () => Task.Run(() => store.TryOpenFile("runs/r/intent"), Cancel),
                () => new RunDocuments(store, "r").ReadIntentAsync(Cancel),
            }
        )
        {
            // The limit is for a store that waits for a writer to the pipe.
            var problem = await Assert.ThrowsAsync<InvalidDataException>(() => read().WaitAsync(TimeSpan.FromMinutes(5), Cancel));
            Assert.Contains("'runs/r/intent'", problem.Message, StringComparison.Ordinal);
            Assert.Contains(words, problem.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task List_WithOneOfThemAmongObjects_NamesAll(string kind, string words)
    {
        await store.WriteAsync("runs/r/events/1.json", Bytes("one"), Cancel);
        await PutAsync(kind, "runs/r/events/2.json");
        await store.WriteAsync("runs/r/events/3.json", Bytes("three"), Cancel);

        string[] all = ["runs/r/events/1.json", "runs/r/events/2.json", "runs/r/events/3.json"];
        Assert.Equal(all, await store.ListAsync("runs/", Cancel).Select(entry => entry.Name).ToArrayAsync(Cancel));
        Assert.Equal(all, await store.ListNamesAsync("runs/r/ev", Cancel).ToArrayAsync(Cancel));
        var events = await new RunEvents(store, "r").ListAsync(cancellationToken: Cancel).ToListAsync(Cancel);
        Assert.Contains(events, happened => happened.Kind == "event-damaged" && happened.Message.Contains(words, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Write_OverOneOfThem_ReplacesItAndNothingElse(string kind, string words)
    {
        await PutAsync(kind, "runs/r/intent");

        Assert.Null(await store.TryCreateAsync("runs/r/intent", Bytes("mine"), Cancel));
        await store.WriteAsync("runs/r/intent", Bytes("mine"), Cancel);

        Assert.Equal("mine", Encoding.UTF8.GetString((await store.TryReadAsync("runs/r/intent", Cancel))!.Content.Span));
        Assert.Equal("not the store's", await File.ReadAllTextAsync(folder["elsewhere/file"], Cancel));
        Assert.NotEmpty(words);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Delete_OfOneOfThem_LeavesWhatALinkLeadsTo(string kind, string words)
    {
        await PutAsync(kind, "runs/r/intent");

        Assert.True(await store.TryDeleteAsync("runs/r/intent", cancellationToken: Cancel));

        Assert.False(Path.Exists(folder["store/runs"]));
        Assert.True(File.Exists(folder["elsewhere/file"]));
        Assert.NotEmpty(words);
    }

    [Fact]
    public async Task Folder_ThatIsALinkElsewhere_IsNotEntered()
    {
        Directory.CreateDirectory(folder["store/runs"]);
        await File.WriteAllTextAsync(folder["elsewhere/spec"], "{}", Cancel);
        Directory.CreateSymbolicLink(folder["store/runs/r"], folder["elsewhere"]);
        var before = Directory.GetFileSystemEntries(folder["elsewhere"], "*", SearchOption.AllDirectories);

        foreach (
            var attempt in new Func<Task>[]
            {
                () => store.TryReadAsync("runs/r/spec", Cancel),
                () => store.TryCreateAsync("runs/r/new", Bytes("x"), Cancel),
                () => store.WriteAsync("runs/r/spec", Bytes("x"), Cancel),
                () => store.WriteAsync("runs/r/deeper/new", Bytes("x"), Cancel),
                () => store.TryDeleteAsync("runs/r/spec", cancellationToken: Cancel),
                async () => await store.ListAsync("runs/r/", Cancel).ToListAsync(Cancel),
                async () => await store.ListFoldersAsync("runs/r/", Cancel).ToListAsync(Cancel),
            }
        )
        {
            Assert.Contains(
                "'runs/r' in the store",
                (await Assert.ThrowsAsync<InvalidDataException>(attempt)).Message,
                StringComparison.Ordinal
            );
        }

        Assert.Equal(before, Directory.GetFileSystemEntries(folder["elsewhere"], "*", SearchOption.AllDirectories));
        // Named, so that a list of runs says what is wrong with it.
        Assert.Equal(["r"], await store.ListFoldersAsync("runs/", Cancel).ToArrayAsync(Cancel));
        Assert.Equal(["runs/r"], await store.ListNamesAsync("", Cancel).ToArrayAsync(Cancel));
    }

    [Theory]
    [InlineData(".tmp")]
    [InlineData(".locks")]
    public void Open_WhereAFolderOfItsOwnIsALink_Refuses(string name)
    {
        Directory.Delete(folder["store/" + name], recursive: true);
        Directory.CreateSymbolicLink(folder["store/" + name], folder["elsewhere"]);

        var problem = Assert.Throws<StoreException>(() => DirectoryStore.Open(folder["store"]));

        Assert.Equal(StoreProblem.Unsuitable, problem.Problem);
        Assert.True(File.Exists(folder["elsewhere/file"]));
    }

    [Fact]
    public async Task Root_ThatIsALink_IsTheUsersOwnChoice()
    {
        Directory.CreateSymbolicLink(folder["link"], folder["store"]);

        await DirectoryStore.Open(folder["link"]).WriteAsync("a/b", Bytes("x"), Cancel);

        Assert.NotNull(await store.TryReadAsync("a/b", Cancel));
    }

    [Fact]
    public async Task Everything_ThatAStoreMakes_IsItsOwnersAlone()
    {
        await store.WriteAsync("a/b/c", Bytes("x"), Cancel);
        await store.TryCreateAsync("a/d", Bytes("x"), Cancel);
        await store.TryCreateAsync("a/e", new MemoryStream([1, 2, 3]), Cancel);
        var cache = new FileCache(folder["cache"], 1 << 20);
        await cache.FetchAsync("f", () => Task.FromResult<Stream>(new MemoryStream([1])), () => { }, Cancel);

        foreach (var root in new[] { "store", "cache" })
        {
            Assert.Equal(OwnersFile | UnixFileMode.UserExecute, ModeOf(folder[root]));
            Assert.All(
                Directory.GetDirectories(folder[root], "*", SearchOption.AllDirectories),
                path => Assert.Equal(OwnersFile | UnixFileMode.UserExecute, ModeOf(path))
            );
            var files = Directory.GetFiles(folder[root], "*", SearchOption.AllDirectories);
            Assert.NotEmpty(files);
            Assert.All(files, path => Assert.True(ModeOf(path) == OwnersFile, path));
        }
    }

    [System.Diagnostics.CodeAnalysis.SuppressMessage("Interoperability", "CA1416", Justification = "Slowrun runs on Linux.")]
    private static UnixFileMode ModeOf(string path) => File.GetUnixFileMode(path);

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private async Task PutAsync(string kind, string name)
    {
        var path = folder["store/" + name];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        switch (kind)
        {
            case "fifo":
                using (var make = Process.Start("mkfifo", [path]))
                {
                    await make.WaitForExitAsync(Cancel);
                }

                break;
            case "socket":
                // Its file stays when the socket is closed.
                using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
                {
                    // Short: a socket's path has at most 108 bytes.
                    var brief = Path.Combine(Path.GetTempPath(), $"s{Guid.NewGuid():N}");
                    socket.Bind(new UnixDomainSocketEndPoint(brief));
                    File.Move(brief, path, overwrite: true);
                }

                break;
            default:
                File.CreateSymbolicLink(
                    path,
                    kind switch
                    {
                        "link" => folder["elsewhere/file"],
                        "dangling" => folder["elsewhere/none"],
                        _ => path,
                    }
                );
                break;
        }
    }
}
