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

    private async Task FlipLastBitAsync(string name)
    {
        var bytes = (await store.TryReadAsync(name, Cancel))!.Content.ToArray();
        bytes[^1] ^= 1;
        await store.WriteAsync(name, bytes, Cancel);
    }
}
