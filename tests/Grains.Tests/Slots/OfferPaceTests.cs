using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Grains.Interfaces;
using Slowrun.Grains.Loop;
using Slowrun.Grains.Slots;

namespace Slowrun.Grains.Tests.Slots;

/// <summary>How often a stage is taken that comes to nothing, by whatever cause, where the loop looks without a pause.</summary>
public sealed class OfferPaceTests
{
    private const string Work = "train r/chain0/stage0";
    private const int MostAMinute = 10;

    // A loop that is poked at every moment.
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    private readonly FakeTimeProvider time = new();
    private readonly OfferPace pace;
    private readonly Offering offering;

    public OfferPaceTests()
    {
        pace = new OfferPace(time);
        offering = new Offering(pace, new LoopPulse(time), new LocalSilo(), NullLogger<Offering>.Instance);
    }

    public static TheoryData<string> Answers =>
        ["finished", "paused", "waits", "fenced at the take", "other identity", "living owner", "no such slots", "moves for ever"];

    public static TheoryData<string> Errors =>
        [
            nameof(IOException),
            nameof(InvalidDataException),
            nameof(TimeoutException),
            nameof(OrleansException),
            nameof(InvalidOperationException),
        ];

    public static TheoryData<StopReason, bool> Ends
    {
        get
        {
            var ends = new TheoryData<StopReason, bool>();
            foreach (var reason in Enum.GetValues<StopReason>().Where(reason => reason != StopReason.Completed))
            {
                ends.Add(reason, false);
            }

            ends.Add(StopReason.Fenced, true);
            ends.Add(StopReason.Faulted, true);
            return ends;
        }
    }

    [Theory]
    [MemberData(nameof(Answers))]
    public void Offers_WhenTheGrainRefuses_AreFewAMinute(string why) =>
        AreFew(() => Task.FromResult(new TakeAnswer(false, why, Moving: why == "moves for ever")));

    [Theory]
    [MemberData(nameof(Errors))]
    public void Offers_WhenTheCallFails_AreFewAMinute(string error) =>
        AreFew(() =>
            throw (
                error switch
                {
                    nameof(IOException) => new IOException("The store is away."),
                    nameof(InvalidDataException) => new InvalidDataException("The root is damaged."),
                    nameof(TimeoutException) => new TimeoutException("No answer came."),
                    nameof(OrleansException) => new OrleansException("The silo is gone."),
                    _ => new InvalidOperationException("There is no such run."),
                }
            )
        );

    [Theory]
    [MemberData(nameof(Ends))]
    public void Takes_ThatEndAtOnce_AreFewAMinute(StopReason reason, bool progressed) =>
        AreFew(() =>
        {
            pace.Ended(Work, reason, progressed);
            return Task.FromResult(new TakeAnswer(true));
        });

    [Theory]
    [InlineData(StopReason.Completed, false)]
    [InlineData(StopReason.Held, true)]
    [InlineData(StopReason.Requested, true)]
    public void Take_ThatGotOn_IsOfferedAgainAtOnce(StopReason reason, bool progressed)
    {
        pace.Refused(Work);
        pace.Refused(Work);
        Assert.False(pace.IsDue(Work));

        pace.Ended(Work, reason, progressed);

        Assert.True(pace.IsDue(Work));
    }

    [Fact]
    public void Refused_OfMoreWorkThanThereIs_ForgetsWhatIsDueAnyway()
    {
        for (var i = 0; i < 10_000; i++)
        {
            pace.Refused($"score unknown-{i}/chain0/stage0");
        }

        time.Advance(TimeSpan.FromMinutes(1));
        pace.Refused(Work);

        Assert.False(pace.IsDue(Work));
        Assert.True(pace.IsDue("score unknown-0/chain0/stage0"));
    }

    private void AreFew(Func<Task<TakeAnswer>> take)
    {
        foreach (var minute in Enumerable.Range(1, 5))
        {
            var offers = 0;
            var offer = Task.CompletedTask;
            for (var passed = TimeSpan.Zero; passed < TimeSpan.FromMinutes(1); passed += Look)
            {
                if (offer.IsCompleted && pace.IsDue(Work))
                {
                    offers++;
                    offer = offering.MakeAsync(Work, ["cpu:0"], take, TestContext.Current.CancellationToken);
                }

                time.Advance(Look);
            }

            Assert.InRange(offers, 1, minute == 1 ? MostAMinute : 3);
        }
    }

    private sealed class LocalSilo : ILocalSiloDetails
    {
        public string Name => "here";

        public string ClusterId => "slowrun";

        public string DnsHostName => "here";

        public SiloAddress SiloAddress { get; } = SiloAddress.New(IPAddress.Loopback, 1, 1);

        public SiloAddress GatewayAddress => SiloAddress;
    }
}
