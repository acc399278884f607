using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Tests.Safetensors;
using static Slowrun.Storage.Tests.Checkpoints.Examples;

namespace Slowrun.Storage.Tests.Checkpoints;

public sealed class SnapshotStoreTests
{
    private readonly MemoryStore store = new();
    private readonly SnapshotStore snapshots;

    public SnapshotStoreTests() => snapshots = new SnapshotStore(store, Run, TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Create_OfTheSameWeightsInAnotherOrder_GivesTheSameObject()
    {
        var a = await snapshots.CreateAsync([SafetensorsTests.Floats("a", 1), SafetensorsTests.Floats("b", 2)], Cancel);
        var b = await snapshots.CreateAsync([SafetensorsTests.Floats("b", 2), SafetensorsTests.Floats("a", 1)], Cancel);

        Assert.Equal(a.Sha256, b.Sha256);
        Assert.Equal([a.Name], await store.ListAsync("", Cancel).Select(entry => entry.Name).ToArrayAsync(Cancel));
        Assert.Equal(["a", "b"], (await snapshots.ReadAsync(a.Sha256, Cancel)).Select(tensor => tensor.Name));
    }

    [Fact]
    public async Task Read_WhenABitFlipped_ThrowsAndNamesIt()
    {
        var snapshot = await snapshots.CreateAsync([SafetensorsTests.Floats("a", 1)], Cancel);
        await FlipLastBitAsync(snapshot.Name);

        var e = await Assert.ThrowsAsync<InvalidDataException>(() => snapshots.ReadAsync(snapshot.Sha256, Cancel));
        Assert.Contains(snapshot.Name, e.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<InvalidDataException>(() => snapshots.VerifyAsync(snapshot.Sha256, Cancel));
    }

    [Fact]
    public async Task Read_WhenExchangedForAnother_Throws()
    {
        var a = await snapshots.CreateAsync([SafetensorsTests.Floats("a", 1)], Cancel);
        var b = await snapshots.CreateAsync([SafetensorsTests.Floats("a", 2)], Cancel);
        await store.WriteAsync(a.Name, (await store.TryReadAsync(b.Name, Cancel))!.Content, Cancel);

        await Assert.ThrowsAsync<InvalidDataException>(() => snapshots.ReadAsync(a.Sha256, Cancel));
    }

    [Fact]
    public async Task Read_WhenMissing_Throws() => await Assert.ThrowsAsync<InvalidDataException>(() => snapshots.ReadAsync("00", Cancel));

    [Fact]
    public async Task Create_WhenTheOldOneIsDamaged_MendsIt()
    {
        var snapshot = await snapshots.CreateAsync([SafetensorsTests.Floats("a", 1)], Cancel);
        await FlipLastBitAsync(snapshot.Name);

        await snapshots.CreateAsync([SafetensorsTests.Floats("a", 1)], Cancel);

        Assert.Single(await snapshots.ReadAsync(snapshot.Sha256, Cancel));
    }

    /// <summary>Another writer mends it first: between the look that found the damage, or the last one, and the deletion.</summary>
    [Theory]
    [InlineData("read-etag")]
    [InlineData("delete")]
    public async Task Create_WhenAnotherMendsTheDamagedOneMeanwhile_LeavesTheGoodOne(string before)
    {
        var snapshot = await snapshots.CreateAsync([SafetensorsTests.Floats("a", 1)], Cancel);
        var good = (await store.TryReadAsync(snapshot.Name, Cancel))!.Content;
        await FlipLastBitAsync(snapshot.Name);
        string? mended = null;
        var racing = new RacingStore(
            store,
            before,
            async () =>
            {
                await store.WriteAsync(snapshot.Name, good, Cancel);
                mended = await ((IObjectStore)store).TryReadETagAsync(snapshot.Name, Cancel);
            }
        );

        await new SnapshotStore(racing, Run, TimeProvider.System).CreateAsync([SafetensorsTests.Floats("a", 1)], Cancel);

        Assert.NotNull(mended);
        Assert.Equal(mended, (await store.TryReadAsync(snapshot.Name, Cancel))!.ETag);
    }

    [Fact]
    public async Task HasWhole_OfADamagedOne_DeletesItAndSaysSo()
    {
        var snapshot = await snapshots.CreateAsync([SafetensorsTests.Floats("a", 1)], Cancel);
        Assert.True(await snapshots.HasWholeAsync(snapshot.Sha256, Cancel));
        await FlipLastBitAsync(snapshot.Name);

        Assert.False(await snapshots.HasWholeAsync(snapshot.Sha256, Cancel));

        Assert.Null(await store.TryReadAsync(snapshot.Name, Cancel));
    }

    private async Task FlipLastBitAsync(string name)
    {
        var bytes = (await store.TryReadAsync(name, Cancel))!.Content.ToArray();
        bytes[^1] ^= 1;
        await store.WriteAsync(name, bytes, Cancel);
    }

    /// <summary>Lets another writer in before the first operation of a kind.</summary>
    private sealed class RacingStore(IObjectStore inner, string before, Func<Task> other) : DelegatingStore(inner)
    {
        private bool done;

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            if (operation.Kind == before && !done)
            {
                done = true;
                await other();
            }

            return await run();
        }
    }
}
