using System.Text;

namespace Slowrun.Storage.Tests.Stores;

/// <summary>What every store must do; one subclass per implementation.</summary>
public abstract class ObjectStoreContract : IAsyncLifetime
{
    protected IObjectStore Store { get; private set; } = null!;

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => Store = await OpenAsync();

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    /// <summary>Opens an empty store.</summary>
    protected abstract Task<IObjectStore> OpenAsync();

    protected static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private async Task<string?> TextAsync(string name) =>
        await Store.TryReadAsync(name, Cancel) is { } found ? Encoding.UTF8.GetString(found.Content.Span) : null;

    private async Task<string[]> NamesAsync(string prefix) =>
        await Store.ListAsync(prefix, Cancel).Select(entry => entry.Name).ToArrayAsync(Cancel);

    [Fact]
    public async Task TryRead_WhenNothingIsThere_IsNull() => Assert.Null(await Store.TryReadAsync("runs/a/spec", Cancel));

    [Fact]
    public async Task TryCreate_WhenNew_IsReadBackWithItsETag()
    {
        var etag = await Store.TryCreateAsync("runs/a/spec", Bytes("one"), Cancel);

        var found = await Store.TryReadAsync("runs/a/spec", Cancel);

        Assert.NotNull(etag);
        Assert.Equal(etag, found!.ETag);
        Assert.Equal(Bytes("one"), found.Content.ToArray());
    }

    [Fact]
    public async Task TryCreate_WhenItExists_IsNullAndLeavesIt()
    {
        await Store.TryCreateAsync("a", Bytes("one"), Cancel);

        Assert.Null(await Store.TryCreateAsync("a", Bytes("two"), Cancel));
        Assert.Equal("one", await TextAsync("a"));
    }

    [Fact]
    public async Task TryCreate_WhenManyRace_ExactlyOneWins()
    {
        for (var round = 0; round < 20; round++)
        {
            var name = $"race/{round}";
            var etags = await Task.WhenAll(
                Enumerable.Range(0, 8).Select(i => Task.Run(() => Store.TryCreateAsync(name, Bytes($"{i}"), Cancel)))
            );

            var winner = Assert.Single(Enumerable.Range(0, 8), i => etags[i] is not null);
            Assert.Equal($"{winner}", await TextAsync(name));
        }
    }

    [Fact]
    public async Task TryCreate_OfNothing_IsAnEmptyObject()
    {
        Assert.NotNull(await Store.TryCreateAsync("empty", ReadOnlyMemory<byte>.Empty, Cancel));
        Assert.Equal("", await TextAsync("empty"));
    }

    [Fact]
    public async Task TryReadETag_IsThatOfReadingAndDeletesThatObjectAlone()
    {
        Assert.Null(await Store.TryReadETagAsync("a", Cancel));
        await Store.TryCreateAsync("a", new MemoryStream(new byte[100_000]), Cancel);

        var etag = await Store.TryReadETagAsync("a", Cancel);

        Assert.NotNull(etag);
        Assert.Equal((await Store.TryReadAsync("a", Cancel))!.ETag, etag);
        await Store.TryDeleteAsync("a", cancellationToken: Cancel);
        await Store.TryCreateAsync("a", new MemoryStream(new byte[100_000]), Cancel);
        Assert.False(await Store.TryDeleteAsync("a", etag, Cancel));
        Assert.True(await Store.TryDeleteAsync("a", await Store.TryReadETagAsync("a", Cancel), Cancel));
        Assert.Null(await Store.TryReadETagAsync("a", Cancel));
    }

    [Fact]
    public async Task TryReplace_WithItsETag_ReplacesAndGivesTheNewOne()
    {
        var first = await Store.TryCreateAsync("a", Bytes("one"), Cancel);

        var second = await Store.TryReplaceAsync("a", Bytes("two"), first!, Cancel);

        Assert.NotNull(second);
        Assert.NotEqual(first, second);
        Assert.Equal(second, (await Store.TryReadAsync("a", Cancel))!.ETag);
        Assert.Equal("two", await TextAsync("a"));
    }

    /// <summary>As Orleans' storage contract wants it: who has read an object and was overtaken must be told, whatever the other
    /// wrote.</summary>
    [Fact]
    public async Task TryReplace_WithEqualBytes_GivesANewETagEachTime()
    {
        var etags = new List<string> { (await Store.TryCreateAsync("a", Bytes("one"), Cancel))! };
        for (var i = 0; i < 20; i++)
        {
            etags.Add((await Store.TryReplaceAsync("a", Bytes("one"), etags[^1], Cancel))!);
            Assert.Equal(etags[^1], (await Store.TryReadAsync("a", Cancel))!.ETag);
        }

        Assert.Equal(21, etags.Distinct().Count());
        Assert.Null(await Store.TryReplaceAsync("a", Bytes("two"), etags[0], Cancel));
        Assert.False(await Store.TryDeleteAsync("a", etags[^2], Cancel));
    }

    [Fact]
    public async Task Write_OfEqualBytes_InvalidatesETags()
    {
        var etag = (await Store.TryCreateAsync("a", Bytes("one"), Cancel))!;
        for (var i = 0; i < 20; i++)
        {
            await Store.WriteAsync("a", Bytes("one"), Cancel);
            Assert.Null(await Store.TryReplaceAsync("a", Bytes("two"), etag, Cancel));
            etag = (await Store.TryReadAsync("a", Cancel))!.ETag;
        }
    }

    [Fact]
    public async Task TryCreate_OfEqualBytesAfterADeletion_GivesANewETag()
    {
        var etags = new HashSet<string>();
        for (var i = 0; i < 20; i++)
        {
            Assert.True(etags.Add((await Store.TryCreateAsync("a", Bytes("one"), Cancel))!));
            Assert.True(await Store.TryDeleteAsync("a", cancellationToken: Cancel));
        }
    }

    [Fact]
    public async Task TryReplace_WithAnOldETag_IsNullAndLeavesIt()
    {
        var first = await Store.TryCreateAsync("a", Bytes("one"), Cancel);
        await Store.TryReplaceAsync("a", Bytes("two"), first!, Cancel);

        Assert.Null(await Store.TryReplaceAsync("a", Bytes("three"), first!, Cancel));
        Assert.Equal("two", await TextAsync("a"));
    }

    [Fact]
    public async Task TryReplace_WhenItIsGone_IsNullAndCreatesNothing()
    {
        var etag = await Store.TryCreateAsync("a", Bytes("one"), Cancel);
        await Store.TryDeleteAsync("a", cancellationToken: Cancel);

        Assert.Null(await Store.TryReplaceAsync("a", Bytes("two"), etag!, Cancel));
        Assert.Null(await TextAsync("a"));
    }

    [Fact]
    public async Task TryReplace_WhenThreadsRace_LosesNoUpdate()
    {
        await Store.TryCreateAsync("counter", Bytes("0"), Cancel);

        await Task.WhenAll(
            Enumerable
                .Range(0, 4)
                .Select(_ =>
                    Task.Run(async () =>
                    {
                        for (var done = 0; done < 10; )
                        {
                            var found = (await Store.TryReadAsync("counter", Cancel))!;
                            var next = int.Parse(Encoding.UTF8.GetString(found.Content.Span), null) + 1;
                            done += await Store.TryReplaceAsync("counter", Bytes($"{next}"), found.ETag, Cancel) is null ? 0 : 1;
                        }
                    })
                )
        );

        Assert.Equal("40", await TextAsync("counter"));
    }

    [Fact]
    public async Task Write_WhetherOrNotItExists_LeavesTheLastContent()
    {
        await Store.WriteAsync("runs/a/progress", Bytes("one"), Cancel);
        await Store.WriteAsync("runs/a/progress", Bytes("two"), Cancel);

        Assert.Equal("two", await TextAsync("runs/a/progress"));
    }

    [Fact]
    public async Task Write_InvalidatesETags()
    {
        var etag = await Store.TryCreateAsync("a", Bytes("one"), Cancel);
        await Store.WriteAsync("a", Bytes("two"), Cancel);

        Assert.Null(await Store.TryReplaceAsync("a", Bytes("three"), etag!, Cancel));
    }

    [Fact]
    public async Task TryDelete_WhenThere_DeletesOnce()
    {
        await Store.TryCreateAsync("a/b/c", Bytes("one"), Cancel);

        Assert.True(await Store.TryDeleteAsync("a/b/c", cancellationToken: Cancel));
        Assert.False(await Store.TryDeleteAsync("a/b/c", cancellationToken: Cancel));
        Assert.Null(await TextAsync("a/b/c"));
        Assert.NotNull(await Store.TryCreateAsync("a/b/c", Bytes("two"), Cancel));
    }

    [Fact]
    public async Task TryDelete_WithAnOldETag_LeavesIt()
    {
        var first = await Store.TryCreateAsync("a", Bytes("one"), Cancel);
        var second = await Store.TryReplaceAsync("a", Bytes("two"), first!, Cancel);

        Assert.False(await Store.TryDeleteAsync("a", first, Cancel));
        Assert.True(await Store.TryDeleteAsync("a", second, Cancel));
    }

    [Fact]
    public async Task TryOpen_WithOffsetAndLength_ReadsThatStretch()
    {
        await Store.TryCreateAsync("a", Bytes("0123456789"), Cancel);

        Assert.Null(await Store.TryOpenAsync("b", cancellationToken: Cancel));
        Assert.Equal("0123456789", await OpenedAsync(0, null));
        Assert.Equal("3456789", await OpenedAsync(3, null));
        Assert.Equal("3456", await OpenedAsync(3, 4));
        Assert.Equal("89", await OpenedAsync(8, 100));
        Assert.Equal("", await OpenedAsync(10, null));
        Assert.Equal("", await OpenedAsync(99, 1));

        async Task<string> OpenedAsync(long offset, long? length)
        {
            await using var stream = await Store.TryOpenAsync("a", offset, length, Cancel);
            var said = stream!.Length;
            using var reader = new StreamReader(stream);
            var text = await reader.ReadToEndAsync(Cancel);
            Assert.Equal(said, text.Length);
            return text;
        }
    }

    [Fact]
    public async Task TryCreate_OfALargeStream_ReadsBackTheSameBytes()
    {
        // More than one block of every store, and not a multiple of any.
        var content = new byte[(20 << 20) + 4321];
        new Random(7).NextBytes(content);

        Assert.True(await Store.TryCreateAsync("big/one", new TrickleStream(content), Cancel));
        Assert.False(await Store.TryCreateAsync("big/one", new MemoryStream([1]), Cancel));

        await using var stream = await Store.TryOpenAsync("big/one", cancellationToken: Cancel);
        var read = new byte[content.Length];
        Assert.Equal(content.Length, stream!.Length);
        await stream.ReadExactlyAsync(read, Cancel);
        Assert.True(content.AsSpan().SequenceEqual(read));
        Assert.Equal(0, await stream.ReadAsync(new byte[1], Cancel));
    }

    [Fact]
    public async Task TryCreate_WhenTheStreamFails_LeavesNothing()
    {
        await Assert.ThrowsAsync<InvalidDataException>(() =>
            Store.TryCreateAsync("a", new TrickleStream(new byte[9 << 20], failAt: 9_000_000), Cancel)
        );

        Assert.Null(await TextAsync("a"));
        Assert.Empty(await NamesAsync(""));
    }

    [Fact]
    public async Task List_ByPrefix_GivesNamesInOrdinalOrderWithLengths()
    {
        foreach (var name in new[] { "b", "a/b/c", "a-b", "a/b-c", "a/bc/d", "a/a", "A" })
        {
            await Store.TryCreateAsync(name, Bytes(name), Cancel);
        }

        Assert.Equal(["A", "a-b", "a/a", "a/b-c", "a/b/c", "a/bc/d", "b"], await NamesAsync(""));
        Assert.Equal(["a/a", "a/b-c", "a/b/c", "a/bc/d"], await NamesAsync("a/"));
        Assert.Equal(["a/b-c", "a/b/c", "a/bc/d"], await NamesAsync("a/b"));
        Assert.Equal(["a/b/c"], await NamesAsync("a/b/"));
        Assert.Empty(await NamesAsync("c/"));
        await foreach (var entry in Store.ListAsync("", Cancel))
        {
            Assert.Equal(entry.Name.Length, entry.LengthBytes);
        }
    }

    [Fact]
    public async Task ListFolders_GivesTheNextSegmentsThatHoldObjects()
    {
        foreach (var name in new[] { "runs/b/spec", "runs/a/spec", "runs/a/x/y", "runs/a-b/spec", "runs/loose", "other/z/y" })
        {
            await Store.TryCreateAsync(name, Bytes("x"), Cancel);
        }

        await Store.TryCreateAsync("runs/gone/spec", Bytes("x"), Cancel);
        await Store.TryDeleteAsync("runs/gone/spec", cancellationToken: Cancel);

        Assert.Equal(["a", "a-b", "b"], await Store.ListFoldersAsync("runs/", Cancel).ToArrayAsync(Cancel));
        Assert.Equal(["other", "runs"], await Store.ListFoldersAsync("", Cancel).ToArrayAsync(Cancel));
        Assert.Empty(await Store.ListFoldersAsync("none/", Cancel).ToArrayAsync(Cancel));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("/etc/passwd")]
    [InlineData("a/")]
    [InlineData("a//b")]
    [InlineData("..")]
    [InlineData("a/../b")]
    [InlineData("a/./b")]
    [InlineData(".tmp/x")]
    [InlineData("a/.locks")]
    [InlineData("a.")]
    [InlineData("a b")]
    [InlineData("a\\b")]
    [InlineData("a\0b")]
    [InlineData("a?b")]
    [InlineData("ä")]
    public async Task AnyMember_WithANameThatCouldEscape_Throws(string name)
    {
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.TryReadAsync(name, Cancel));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.TryOpenAsync(name, cancellationToken: Cancel));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.TryCreateAsync(name, Bytes("x"), Cancel));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.TryCreateAsync(name, new MemoryStream(), Cancel));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.TryReplaceAsync(name, Bytes("x"), "e", Cancel));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.WriteAsync(name, Bytes("x"), Cancel));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.TryDeleteAsync(name, cancellationToken: Cancel));
    }

    [Theory]
    [InlineData("../")]
    [InlineData("/")]
    [InlineData("a/../")]
    [InlineData(".")]
    public async Task List_WithAPrefixThatCouldEscape_Throws(string prefix)
    {
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await NamesAsync(prefix));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await Store.ListFoldersAsync(prefix, Cancel).ToArrayAsync(Cancel));
    }

    [Fact]
    public async Task AnyMember_WhenAlreadyCancelled_Throws()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.TryCreateAsync("a", Bytes("x"), cancelled.Token));
        Assert.Null(await TextAsync("a"));
    }
}
