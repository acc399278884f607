using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Core.Notices;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Grains.Notices;
using Slowrun.Storage;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tests;

namespace Slowrun.Grains.Tests.Notices;

/// <summary>Silos that notice a run's end, die, stop, and lack what the sending needs. What is sent is counted; the store is one.</summary>
public sealed class NoticeOutboxTests : IAsyncDisposable
{
    private const string Url = "env:HOOK";

    private readonly CountedStore store = new(new MemoryStore());
    private readonly FakeTimeProvider time = new(TimeProvider.System.GetUtcNow().AddDays(1));
    private readonly HashSet<string> alive = [];
    private readonly PlayedSender sender = new();
    private readonly LocalRun run;

    public NoticeOutboxTests() => run = new LocalRun(store);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => run.DisposeAsync();

    [Fact]
    public async Task Saw_OfAFinishedRun_SendsOnceAndRecordsIt()
    {
        var facts = await FinishedAsync();
        using var outbox = Silo(1);

        outbox.Saw(facts);
        outbox.Saw(facts);
        await outbox.StopAsync(Stop);

        var sent = Assert.Single(sender.Sent);
        Assert.Equal(("finished", "Run micro has finished"), (sent.Kind, sent.Title));
        Assert.Contains("a validation loss of", sent.Text, StringComparison.Ordinal);
        var delivery = await DeliveryAsync("finished");
        Assert.Equal((NoticeDelivery.Delivered, "silo-1"), (delivery.State, delivery.SiloName));
        Assert.Contains("notice-sent", await run.StoryAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Saw_OfARunThatWasRenamed_TellsWhatItIsCalledAndRecordsItsOwnName()
    {
        var facts = await FinishedAsync();
        await new RunNaming(store).GiveAsync("micro", "best", Stop);
        using var outbox = Silo(1);

        outbox.Saw(facts);
        await outbox.StopAsync(Stop);

        var sent = Assert.Single(sender.Sent);
        Assert.Equal(("micro", "best", "Run best (micro) has finished"), (sent.Run, sent.GivenName, sent.Title));
        var recorded = (await new RunNotices(store, "micro").TryReadAsync("finished", Stop))!.Notice;
        Assert.Equal((sent.Key(), null, "Run micro has finished"), (recorded.Key(), recorded.GivenName, recorded.Title));
    }

    [Fact]
    public async Task Saw_OfWhatIsSettled_CostsOneReadASiloAndThenNothing()
    {
        var facts = await FinishedAsync();
        using (var first = Silo(1))
        {
            first.Saw(facts);
            await first.StopAsync(Stop);
        }

        using var next = Silo(2);
        store.Operations.Clear();
        next.Saw(facts);
        await UntilAsync(() => !store.Operations.IsEmpty);
        for (var look = 0; look < 100; look++)
        {
            time.Advance(TimeSpan.FromSeconds(30));
            next.Saw(facts);
        }

        await next.StopAsync(Stop);
        Assert.Equal(["read runs/micro/notices/finished"], store.Operations);
        Assert.Single(sender.Sent);
    }

    [Fact]
    public async Task Saw_OfARunWithoutReceivers_CostsNothing()
    {
        var facts = await FinishedAsync(notify: null);
        using var outbox = Silo(1);
        store.Operations.Clear();

        outbox.Saw(facts);
        await outbox.StopAsync(Stop);

        Assert.Empty(store.Operations);
        Assert.Empty(sender.Sent);
    }

    [Fact]
    public async Task Saw_WhileALivingSiloSends_LeavesItToThatOneUntilItIsGone()
    {
        var facts = await FinishedAsync();
        using var first = Silo(1);
        sender.Hold = new TaskCompletionSource<NoticeEnd>();
        first.Saw(facts);
        await sender.Begun.WaitAsync(Stop);
        using var second = Silo(2);
        second.Saw(facts);
        await UntilAsync(() => store.Operations.Count(one => one.StartsWith("read runs/micro/notices/", StringComparison.Ordinal)) >= 2);
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Single(sender.Sent);

        // It dies: what it does afterwards is not recorded.
        alive.Remove(Address(1));
        sender.Hold = null;
        while (!sender.Begun.Wait(0, Stop))
        {
            time.Advance(TimeSpan.FromSeconds(5));
            await Task.Yield();
        }

        await second.StopAsync(Stop);
        Assert.Equal(2, sender.Sent.Count);
        Assert.Single(sender.Sent.Select(notice => notice.Key()).Distinct());
        Assert.Equal("silo-2", (await DeliveryAsync("finished")).SiloName);
    }

    [Fact]
    public async Task Stop_WhileAReceiverIsTriedAgain_LeavesItToTheNextSilo()
    {
        var facts = await FinishedAsync();
        using (var first = Silo(1))
        {
            sender.Ends = new NoticeEnd(false, Interrupted: true, "it answers 500.");
            first.Saw(facts);
            await first.StopAsync(Stop);
        }

        Assert.Equal(NoticeDelivery.Sending, (await DeliveryAsync("finished")).State);
        alive.Remove(Address(1));
        sender.Ends = new NoticeEnd(true, false, null);
        using var next = Silo(2);
        next.Saw(facts);
        await next.StopAsync(Stop);

        Assert.Equal(NoticeDelivery.Delivered, (await DeliveryAsync("finished")).State);
    }

    [Fact]
    public async Task Saw_WhenTheReceiverIsGivenUp_SaysSoAndTriesNoMore()
    {
        var facts = await FinishedAsync();
        sender.Ends = new NoticeEnd(false, false, "it answers 404.");
        foreach (var silo in new[] { 1, 2 })
        {
            using var outbox = Silo(silo);
            outbox.Saw(facts);
            await outbox.StopAsync(Stop);
        }

        Assert.Single(sender.Sent);
        Assert.Equal(
            (NoticeDelivery.Failed, "it answers 404."),
            ((await DeliveryAsync("finished")).State, (await DeliveryAsync("finished")).Why)
        );
        Assert.Contains(
            "notice-failed : env:HOOK could not be told 'Run micro has finished'",
            await run.StoryAsync(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Saw_WhereTheVariableIsMissing_SaysWhichAndHasAnotherSiloSend()
    {
        var facts = await FinishedAsync();
        using var other = Silo(2);
        using var first = Silo(
            1,
            new PlayedSender { Lack = "has no environment variable 'HOOK'" },
            (_, run, id, url) => other.TakeOverAsync(run, id, url)
        );

        first.Saw(facts);
        await sender.Begun.WaitAsync(Stop);
        await other.StopAsync(Stop);
        await first.StopAsync(Stop);

        Assert.Single(sender.Sent);
        var delivery = await DeliveryAsync("finished");
        Assert.Equal((NoticeDelivery.Delivered, "silo-2"), (delivery.State, delivery.SiloName));
        Assert.Contains("by silo-1, which has no environment variable 'HOOK'", await run.StoryAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TakeOver_OfANoticeThatTheStoreDoesNotHave_IsRefused()
    {
        await FinishedAsync();
        using var outbox = Silo(1);

        Assert.False(await outbox.TakeOverAsync("micro", "made-up", Url));
        Assert.False(await outbox.TakeOverAsync("other", "finished", Url));
        Assert.False(await outbox.TakeOverAsync("../x", "finished", Url));
        Assert.Empty(sender.Sent);
    }

    [Fact]
    public async Task Saw_WithReceiversOfDifferentThings_TellsEachWhatItAskedFor()
    {
        var facts = await FinishedAsync(
            new NotifyTarget { Url = "env:A", About = [NoticeKind.Failed, NoticeKind.Lost] },
            new NotifyTarget { Url = "env:B", About = [NoticeKind.Finished] }
        );
        using var outbox = Silo(1);

        outbox.Saw(facts);
        await outbox.StopAsync(Stop);

        Assert.Equal(["env:B"], sender.To);
    }

    [Fact]
    public async Task Saw_WhenMoreMachinesAreLostThanTheReceiverBears_TellsItOnceAnHour()
    {
        var facts = await FinishedAsync(
            new NotifyTarget
            {
                Url = Url,
                About = [NoticeKind.Lost],
                LostAnHour = 2,
            }
        );
        var (id, root) = facts.Roots.First();
        RunFacts With(int losses) =>
            facts with
            {
                Roots = new Dictionary<StageId, Core.Stages.StageRoot>(facts.Roots)
                {
                    [id] = root with { LostSilos = [.. Enumerable.Range(0, losses).Select(i => $"lost@{i}")] },
                },
            };
        // Each silo is lost as the next machine, and another one reads the run.
        for (var losses = 0; losses < 5; losses++)
        {
            using var outbox = Silo(losses + 1);
            outbox.Saw(With(losses));
            outbox.Saw(With(losses + 1));
            await outbox.StopAsync(Stop);
        }

        var sent = Assert.Single(sender.Sent);
        Assert.StartsWith("3 machines were lost under it within an hour.", sent.Text, StringComparison.Ordinal);
    }

    private async Task<RunFacts> FinishedAsync(params NotifyTarget[]? notify)
    {
        var targets = notify is { Length: 0 } ? [new NotifyTarget { Url = Url }] : notify;
        await run.SubmitAsync(spec => spec with { Operations = spec.Operations with { Notify = targets } });
        await run.FinishAsync();
        return await run.FactsAsync();
    }

    private NoticeOutbox Silo(int number, PlayedSender? through = null, Func<string, string, string, string, Task<bool>>? ask = null)
    {
        alive.Add(Address(number));
        return new NoticeOutbox(
            store,
            () => alive,
            ask ?? ((_, _, _, _) => Task.FromResult(false)),
            through ?? sender,
            new Details(number),
            time,
            NullLogger<NoticeOutbox>.Instance
        );
    }

    private async Task<NoticeDelivery> DeliveryAsync(string id) =>
        (await new RunNotices(store, "micro").TryReadAsync(id, Stop))!.Deliveries[Url];

    private static async Task UntilAsync(Func<bool> so)
    {
        while (!so())
        {
            Stop.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private static string Address(int number) => SiloAddress.New(IPAddress.Loopback, number, 1).ToParsableString();

    private sealed class PlayedSender : INoticeSender
    {
        public List<Notice> Sent { get; } = [];

        public List<string> To { get; } = [];

        public SemaphoreSlim Begun { get; } = new(0);

        public TaskCompletionSource<NoticeEnd>? Hold { get; set; }

        public NoticeEnd Ends { get; set; } = new(true, false, null);

        public string? Lack { get; init; }

        public string? Lacks(NotifyTarget target) => Lack;

        public Task<NoticeEnd> SendAsync(Notice notice, NotifyTarget target, CancellationToken noMoreTries, CancellationToken atOnce)
        {
            lock (Sent)
            {
                Sent.Add(notice);
                To.Add(target.Url);
            }

            var end = Hold?.Task ?? Task.FromResult(Ends);
            Begun.Release();
            return end;
        }
    }

    private sealed class CountedStore(IObjectStore inner) : DelegatingStore(inner)
    {
        public System.Collections.Concurrent.ConcurrentQueue<string> Operations { get; } = new();

        protected override Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            Operations.Enqueue(operation.ToString());
            return run();
        }
    }

    private sealed class Details(int number) : ILocalSiloDetails
    {
        public string Name => $"silo-{number}";

        public string ClusterId => "cluster";

        public string DnsHostName => "localhost";

        public SiloAddress SiloAddress => SiloAddress.New(IPAddress.Loopback, number, 1);

        public SiloAddress GatewayAddress => SiloAddress;
    }
}
