using Microsoft.Extensions.Time.Testing;
using Slowrun.Storage.Addresses;
using Slowrun.Storage.Directories;

namespace Slowrun.Storage.Tests.Stores;

public sealed class DirectoryStoreTests : ObjectStoreContract
{
    private readonly TemporaryFolder folder = new();

    public override ValueTask DisposeAsync()
    {
        folder.Dispose();
        return base.DisposeAsync();
    }

    protected override Task<IObjectStore> OpenAsync() => StoreAddress.OpenAsync(folder["store"], create: true, cancellationToken: Cancel);

    [Fact]
    public void Open_WhenMissingAndNotToBeCreated_SaysSoAndCreatesNothing()
    {
        var e = Assert.Throws<StoreException>(() => DirectoryStore.Open(folder["none"], create: false));

        Assert.Equal(StoreProblem.Missing, e.Problem);
        Assert.Contains(folder["none"], e.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["none"]));
    }

    [Fact]
    public void Open_OfAFile_SaysThatItIsOne()
    {
        File.WriteAllText(folder["file"], "x");

        Assert.Equal(StoreProblem.Unsuitable, Assert.Throws<StoreException>(() => DirectoryStore.Open(folder["file"])).Problem);
    }

    [Fact]
    public async Task List_WhileTemporariesLie_DoesNotShowThem()
    {
        await File.WriteAllTextAsync(folder["store/.tmp/1-x"], "half", Cancel);

        Assert.Empty(await Store.ListAsync("", Cancel).ToArrayAsync(Cancel));
        Assert.Empty(await Store.ListFoldersAsync("", Cancel).ToArrayAsync(Cancel));
    }

    [Fact]
    public async Task Open_WhenTemporariesAreOlderThanAnHour_SweepsThemAndNoOthers()
    {
        await File.WriteAllTextAsync(folder["store/.tmp/old"], "half", Cancel);
        await File.WriteAllTextAsync(folder["store/.tmp/new"], "half", Cancel);
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(60));
        File.SetLastWriteTimeUtc(folder["store/.tmp/old"], time.GetUtcNow().UtcDateTime.AddMinutes(-61));
        File.SetLastWriteTimeUtc(folder["store/.tmp/new"], time.GetUtcNow().UtcDateTime.AddMinutes(-59));

        DirectoryStore.Open(folder["store"], time: time);

        Assert.Equal(["new"], Directory.GetFiles(folder["store/.tmp"]).Select(Path.GetFileName));
    }

    [Fact]
    public async Task TryCreate_WhateverItsOutcome_LeavesNoTemporary()
    {
        await Store.TryCreateAsync("a", Bytes("one"), Cancel);
        await Store.TryCreateAsync("a", Bytes("one"), Cancel);
        await Store.TryReplaceAsync("a", Bytes("one"), "none", Cancel);
        await Store.WriteAsync("a", Bytes("two"), Cancel);

        Assert.Empty(Directory.GetFiles(folder["store/.tmp"]));
    }

    [Fact]
    public async Task TryOpen_WhenReplacedAndDeletedMeanwhile_GoesOnWithWhatItOpened()
    {
        await Store.WriteAsync("a", Bytes("one"), Cancel);
        await using var stream = await Store.TryOpenAsync("a", cancellationToken: Cancel);
        await Store.WriteAsync("a", Bytes("two"), Cancel);
        await Store.TryDeleteAsync("a", cancellationToken: Cancel);

        using var reader = new StreamReader(stream!);
        Assert.Equal("one", await reader.ReadToEndAsync(Cancel));
    }

    [Fact]
    public async Task TryRead_WhenTheStoreIsGone_ThrowsInsteadOfFindingNothing()
    {
        Directory.Delete(folder["store"], recursive: true);

        Assert.Equal(StoreProblem.Missing, (await Assert.ThrowsAsync<StoreException>(() => Store.TryReadAsync("a", Cancel))).Problem);
        Assert.Equal(
            StoreProblem.Missing,
            (await Assert.ThrowsAsync<StoreException>(() => Store.WriteAsync("a", Bytes("x"), Cancel))).Problem
        );
        Assert.Equal(
            StoreProblem.Missing,
            (await Assert.ThrowsAsync<StoreException>(async () => await Store.ListAsync("", Cancel).ToArrayAsync(Cancel))).Problem
        );
    }

    /// <summary>Of a file system whose dates are coarse, or a clock that was set back a little, every write is still another
    /// object.</summary>
    [Fact]
    public async Task TryReplace_WhenTheClockIsBehindTheFilesDate_DatesItJustAfter()
    {
        var etag = (await Store.TryCreateAsync("a", Bytes("one"), Cancel))!;
        var ahead = TimeProvider.System.GetUtcNow().AddSeconds(20);
        File.SetLastWriteTimeUtc(folder["store/a"], ahead.UtcDateTime);
        Assert.Null(await Store.TryReplaceAsync("a", Bytes("one"), etag, Cancel));
        etag = (await Store.TryReadAsync("a", Cancel))!.ETag;

        Assert.NotNull(await Store.TryReplaceAsync("a", Bytes("one"), etag, Cancel));
        var replaced = (await Store.TryReadAsync("a", Cancel))!;
        await Store.WriteAsync("a", Bytes("one"), Cancel);
        var written = (await Store.TryReadAsync("a", Cancel))!;

        Assert.True(ahead < replaced.ModifiedAt && replaced.ModifiedAt < written.ModifiedAt && written.ModifiedAt < ahead.AddSeconds(5));
    }

    [Fact]
    public async Task TryReplace_OfAFileDatedFarAhead_DatesItNow()
    {
        await Store.TryCreateAsync("a", Bytes("one"), Cancel);
        File.SetLastWriteTimeUtc(folder["store/a"], TimeProvider.System.GetUtcNow().AddDays(1).UtcDateTime);

        await Store.TryReplaceAsync("a", Bytes("one"), (await Store.TryReadAsync("a", Cancel))!.ETag, Cancel);

        Assert.True((await Store.TryReadAsync("a", Cancel))!.ModifiedAt < TimeProvider.System.GetUtcNow().AddHours(1));
    }

    /// <summary>As an editor does it, or a disk that errs: the file stays, and so may its date.</summary>
    [Fact]
    public async Task TryReplace_OfAFileChangedInPlaceWithItsDateKept_IsNull()
    {
        var etag = (await Store.TryCreateAsync("a", Bytes("one"), Cancel))!;
        var date = File.GetLastWriteTimeUtc(folder["store/a"]);
        await File.WriteAllTextAsync(folder["store/a"], "two", Cancel);
        File.SetLastWriteTimeUtc(folder["store/a"], date);

        Assert.Null(await Store.TryReplaceAsync("a", Bytes("three"), etag, Cancel));
    }

    [Fact]
    public async Task TryCreate_WhenFoldersVanishBetween_MakesThemAgain()
    {
        // Every deletion takes the empty folders with it, while the others make them: link and mkdir must meet in the end.
        await Task.WhenAll(
            Enumerable
                .Range(0, 4)
                .Select(writer =>
                    Task.Run(async () =>
                    {
                        for (var i = 0; i < 50; i++)
                        {
                            Assert.NotNull(await Store.TryCreateAsync($"a/b/{writer}", Bytes("x"), Cancel));
                            Assert.True(await Store.TryDeleteAsync($"a/b/{writer}", cancellationToken: Cancel));
                        }
                    })
                )
        );

        Assert.False(Directory.Exists(folder["store/a"]));
    }

    [Fact]
    public async Task TryCreate_WhenTheNameIsAFolder_Throws()
    {
        await Store.TryCreateAsync("a/b", Bytes("x"), Cancel);

        await Assert.ThrowsAnyAsync<IOException>(() => Store.TryCreateAsync("a", Bytes("x"), Cancel));
        await Assert.ThrowsAnyAsync<IOException>(() => Store.WriteAsync("a", Bytes("x"), Cancel));
        await Assert.ThrowsAnyAsync<IOException>(() => Store.TryCreateAsync("a/b/c", Bytes("x"), Cancel));
        Assert.Null(await Store.TryReadAsync("a", Cancel));
        Assert.Null(await Store.TryReadAsync("a/b/c", Cancel));
    }

    [Fact]
    public async Task TryReplace_WhenTheLockIsHeldTooLong_SaysWhoToLookFor()
    {
        var time = new FakeTimeProvider { AutoAdvanceAmount = TimeSpan.FromSeconds(31) };
        var store = DirectoryStore.Open(folder["store"], time: time);
        await store.WriteAsync("a", Bytes("x"), Cancel);
        var held = Enumerable.Range(0, 64).Select(i => Posix.TryLock(folder[$"store/.locks/{i:x2}"])).ToArray();

        var e = await Assert.ThrowsAsync<StoreException>(() => store.WriteAsync("a", Bytes("y"), Cancel));

        Array.ForEach(held, handle => handle!.Dispose());
        Assert.Equal(StoreProblem.Unreachable, e.Problem);
        Assert.Contains("SIGSTOP", e.Message, StringComparison.Ordinal);
    }
}
