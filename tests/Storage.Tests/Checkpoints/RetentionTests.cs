using Slowrun.Core.Stages;
using Slowrun.Storage.Checkpoints;
using static Slowrun.Storage.Tests.Checkpoints.Examples;

namespace Slowrun.Storage.Tests.Checkpoints;

public sealed class RetentionTests
{
    private const string Folder = "runs/demo/chain0/stage1/";

    private static readonly string[] Names =
    [
        Folder + "000001-00000002/manifest.json",
        Folder + "000001-00000002/part-0.safetensors",
        Folder + "000001-00000004/manifest.json",
        Folder + "000001-00000004/part-0.safetensors",
        Folder + "000001-00000006/part-0.safetensors",
        Folder + "000002-00000005/manifest.json",
        Folder + "000002-00000005/part-0.safetensors",
        Folder + "000002-00000007/manifest.json",
        Folder + "000002-00000007/part-0.safetensors",
        Folder + "000002-00000009/part-0.safetensors",
        Folder + "000003-00000008/part-0.safetensors",
        Folder + "notes/today",
        Folder + "progress",
        Folder + "root",
    ];

    private static readonly StageRoot Root = new()
    {
        EpochToken = 2,
        Owner = Owner("a"),
        Current = Ref(7, 2),
        Previous = Ref(5, 2),
    };

    private static string[] Expired(StageRoot root, int keep, bool owner, params string[] pinned) =>
        [
            .. Retention
                .Expired(Names, Folder, root, keep, pinned, owner)
                .Select(name => name[Folder.Length..name.IndexOf('/', Folder.Length)])
                .Distinct()
                .Order(StringComparer.Ordinal),
        ];

    [Fact]
    public void Doomed_ByTheOwner_IsWhatTheRootDoesNotNameUpToItsToken() =>
        Assert.Equal(["000001-00000002", "000001-00000004", "000001-00000006", "000002-00000009"], Expired(Root, 2, owner: true));

    [Fact]
    public void Doomed_ByAnybodyElse_SparesTheOwnersToken() =>
        Assert.Equal(["000001-00000002", "000001-00000004", "000001-00000006"], Expired(Root, 2, owner: false));

    [Fact]
    public void Doomed_ByAnybodyElseOnceReleased_SparesOnlyLaterTokens() =>
        Assert.Equal(
            ["000001-00000002", "000001-00000004", "000001-00000006", "000002-00000009"],
            Expired(Root with { Owner = null }, 2, owner: false)
        );

    [Fact]
    public void Doomed_WhenMoreAreToBeKept_KeepsTheNewestWholeOnes() =>
        Assert.Equal(["000001-00000002", "000001-00000006", "000002-00000009"], Expired(Root, 3, owner: true));

    [Fact]
    public void Doomed_WhenPinned_KeepsIt() =>
        Assert.Equal(["000001-00000004", "000001-00000006", "000002-00000009"], Expired(Root, 2, owner: true, Names[0]));

    [Fact]
    public async Task Sweep_DryRun_DeletesNothing()
    {
        var store = new MemoryStore();
        foreach (var name in Names)
        {
            await store.WriteAsync(name, new byte[3], TestContext.Current.CancellationToken);
        }

        var would = await Retention.SweepAsync(
            store,
            new StageSweep(Run, Stage, Root, 2) { ByOwner = true, DryRun = true },
            TestContext.Current.CancellationToken
        );
        var left = await store.ListAsync("", TestContext.Current.CancellationToken).CountAsync(TestContext.Current.CancellationToken);
        var did = await Retention.SweepAsync(
            store,
            new StageSweep(Run, Stage, Root, 2) { ByOwner = true },
            TestContext.Current.CancellationToken
        );

        Assert.Equal(Names.Length, left);
        Assert.Equal(6, would.Count);
        Assert.Equal(18, would.Sum(entry => entry.LengthBytes));
        Assert.Equal(would, did);
    }
}
