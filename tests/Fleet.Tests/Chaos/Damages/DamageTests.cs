using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Fleet.Chaos.Damages;
using Slowrun.Fleet.Chaos.Plans;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Fleet.Tests.Chaos.Damages;

/// <summary>What chaos does to objects, how it judges what came of it, and that it puts back what it broke.</summary>
public sealed class DamageTests : IDisposable
{
    private const string Run = "tiny-chaos";

    private readonly TemporaryFolder folder = new();
    private readonly FakeTimeProvider time = new(Example.Start);
    private readonly List<string> told = [];

    public void Dispose() => folder.Dispose();

    private static CancellationToken Stop => Example.Stop;

    [Theory]
    [InlineData("runs/tiny-chaos/spec", "spec")]
    [InlineData("runs/tiny-chaos/chain0/stage1/root", "root")]
    [InlineData("runs/tiny-chaos/chain0/stage1/000001-00000004/manifest.json", "manifest")]
    [InlineData("runs/tiny-chaos/chain0/stage1/000001-00000004/part-0.safetensors", "part")]
    [InlineData("runs/tiny-chaos/snapshots/aa.safetensors", "snapshot")]
    [InlineData("runs/tiny-chaos/scores/aa-bb.json", "score")]
    [InlineData("runs/tiny-chaos/scores/aa-bb-cc.safetensors", "vector")]
    [InlineData("runs/tiny-chaos/ensembles/aa.json", "ensemble")]
    [InlineData("runs/tiny-chaos/events/1-2.json", "event")]
    [InlineData("data/aa", "data manifest")]
    [InlineData("data/bb", "data")]
    [InlineData("runs/tiny-calm/spec", null)]
    [InlineData("cluster/membership", null)]
    public void Kind_OfAName_IsWhatTheObjectIsFor(string name, string? kind) => Assert.Equal(kind, ObjectKind.Of(name, Run, "aa"));

    [Fact]
    public void IsNamedIn_OfAMessage_TakesNoNameForAnother()
    {
        var damage = new Damage(
            1,
            DamageForm.Flip,
            "root",
            new DamagedObject("runs/a/chain0/stage1/root", [1], [2], null!),
            null,
            0,
            default
        );

        Assert.True(damage.IsNamedIn("'runs/a/chain0/stage1/root' is damaged."));
        Assert.True(damage.IsNamedIn("It is runs/a/chain0/stage1/root."));
        Assert.False(damage.IsNamedIn("'runs/a/chain0/stage1/root.copy' is damaged."));
        Assert.False(damage.IsNamedIn("'runs/a/chain0/stage1/roots' is damaged."));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Make_ManyTimes_DamagesEveryKindInEveryFormAndCanPutItBack(bool directory)
    {
        IObjectStore store = directory ? Storage.Directories.DirectoryStore.Open(folder.Path) : new MemoryStore();
        var names = new[]
        {
            "data/aa",
            "data/bb",
            "data/cc",
            $"runs/{Run}/spec",
            $"runs/{Run}/chain0/stage0/root",
            $"runs/{Run}/chain0/stage1/root",
            $"runs/{Run}/scores/a.json",
        };
        foreach (var name in names)
        {
            await store.WriteAsync(name, System.Text.Encoding.UTF8.GetBytes(name + " of old"), Stop);
        }

        var maker = new DamageMaker(store, directory ? folder.Path : null, null, Run, "aa", 7);
        await maker.RememberAsync(Stop);
        await store.WriteAsync($"runs/{Run}/chain0/stage0/root", "newer"u8.ToArray(), Stop);
        await store.WriteAsync($"runs/{Run}/chain0/stage1/root", "newest"u8.ToArray(), Stop);
        var good = await ContentAsync(store);
        var done = new List<Damage>();
        for (var number = 1; number <= 60; number++)
        {
            var damage = await maker.MakeAsync(number, new HashSet<string>(), 0, time.GetUtcNow(), Stop);
            Assert.NotNull(damage);
            done.Add(damage);
            Assert.NotEqual(good, await ContentAsync(store));
            foreach (var one in damage.Objects)
            {
                await one.Place.PutBackAsync(one, Stop);
            }

            Assert.Equal(good, await ContentAsync(store));
        }

        Assert.Equal(Enum.GetValues<DamageForm>(), done.Select(damage => damage.Form).Distinct().Order());
        Assert.Equal(
            ["data", "data manifest", "root", "score", "spec"],
            done.Select(damage => damage.Kind).Distinct().Order(StringComparer.Ordinal)
        );
        Assert.All(done.CountBy(damage => damage.Kind), count => Assert.Equal(12, count.Value));
    }

    [Fact]
    public async Task Look_AtARefusalThatNamesTheObject_PutsItBack()
    {
        var store = await StoreAsync("data/aa");
        var damages = Damages(store, 1);
        await LookAsync(damages, 0);
        var damage = Assert.Single(damages.Done);
        await new RunEvents(store, Run).AppendAsync(
            new RunEvent(time.GetUtcNow(), "take-refused", "chain0/stage0", "The data 'data/aa' is damaged."),
            Stop
        );

        await LookAsync(damages, 0);

        Assert.Equal(DamageOutcome.Refused, damage.Outcome);
        Assert.Equal("good"u8.ToArray(), (await store.TryReadAsync("data/aa", Stop))!.Content.ToArray());
    }

    [Fact]
    public async Task Look_AtAnObjectThatIsWrittenAgain_TakesItForHealed()
    {
        var store = await StoreAsync($"runs/{Run}/chain0/stage0/root");
        var damages = Damages(store, 1);
        await LookAsync(damages, 0);
        await store.WriteAsync($"runs/{Run}/chain0/stage0/root", "better"u8.ToArray(), Stop);

        await LookAsync(damages, 0);

        Assert.Equal(DamageOutcome.Healed, Assert.Single(damages.Done).Outcome);
        Assert.Equal("better"u8.ToArray(), (await store.TryReadAsync($"runs/{Run}/chain0/stage0/root", Stop))!.Content.ToArray());
    }

    [Theory]
    [InlineData(true, nameof(DamageOutcome.Unread))]
    [InlineData(false, nameof(DamageOutcome.Hang))]
    public async Task Look_WhereNobodySaysAnything_TakesItForUnreadOnlyIfTheRunGoesOn(bool goesOn, string expected)
    {
        var store = await StoreAsync("data/aa");
        var damages = Damages(store, 1);
        for (var looks = 0; looks < 200; looks++)
        {
            await LookAsync(damages, goesOn ? looks : 0);
        }

        Assert.Equal(expected, Assert.Single(damages.Done).Outcome.ToString());
        Assert.Equal("good"u8.ToArray(), (await store.TryReadAsync("data/aa", Stop))!.Content.ToArray());
    }

    private static async Task<MemoryStore> StoreAsync(string name)
    {
        var store = new MemoryStore();
        await store.WriteAsync(name, "good"u8.ToArray(), Stop);
        return store;
    }

    private ChaosDamages Damages(IObjectStore store, int count) =>
        new(new DamageMaker(store, null, null, Run, "aa", 3), store, Run, ChaosPlan.Of(3, count, [ChaosMode.Damage]), 3, time, told.Add);

    /// <param name="step">How far the run is.</param>
    private async Task LookAsync(ChaosDamages damages, int step)
    {
        time.Advance(TimeSpan.FromSeconds(1));
        var facts = new RunFacts(SpecReader.FromPreset("tiny") with { Name = Run });
        await damages.LookAsync(facts with { Roots = new Dictionary<StageId, StageRoot> { [new(0, 0)] = Example.Begun(step + 1) } }, Stop);
    }

    private static async Task<string> ContentAsync(IObjectStore store)
    {
        var lines = new List<string>();
        await foreach (var entry in store.ListAsync("", Stop))
        {
            lines.Add($"{entry.Name}: {Convert.ToHexString((await store.TryReadAsync(entry.Name, Stop))!.Content.Span)}");
        }

        return string.Join('\n', lines);
    }
}
