using System.Net;
using Slowrun.Client.Api;
using Slowrun.Storage.Runs;
using static Slowrun.Web.Tests.ExampleStore;

namespace Slowrun.Web.Tests.ClientLibrary;

/// <summary>The client library against the server as it is.</summary>
public sealed class SlowrunClientTests : IAsyncLifetime
{
    private TestPage page = null!;
    private SlowrunClient client = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        page = await TestPage.StartAsync(TestPage.Token);
        client = new SlowrunClient(page.Address, TestPage.Token);
    }

    public ValueTask DisposeAsync()
    {
        client.Dispose();
        return page.DisposeAsync();
    }

    [Fact]
    public async Task Spec_Submitted_IsARun()
    {
        var data = await ExampleData.UploadAsync(page.Store, 20_000, Stop);

        var mine = await client.SubmitRunAsync("extends: tiny\nrecipe: {seed: 5}", "mine", data, Stop);

        Assert.Equal(("mine", 5, data), (mine.Run, mine.Spec.Recipe.Seed, mine.Spec.Recipe.Data.Sha256));
        Assert.Equal(5, (await new RunDocuments(page.Store, "mine").TryReadSpecAsync(Stop))!.Recipe.Seed);
        Assert.Equal(RunState.Pending, (await client.GetRunAsync("mine", Stop)).State);
    }

    [Fact]
    public async Task Spec_WithSeveralProblems_IsRefusedWithThoseOfEachField()
    {
        var refusal = await Assert.ThrowsAsync<SlowrunException>(() =>
            client.SubmitRunAsync("extends: tiny\nrecipe: {seeed: 1, model: {layers: -1}}", "mine", cancellationToken: Stop)
        );

        Assert.Equal(HttpStatusCode.BadRequest, refusal.StatusCode);
        Assert.Contains("recipe.model.layers", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(["recipe", "recipe.model.layers"], refusal.Errors.Keys.Order(StringComparer.Ordinal));
        Assert.All(refusal.Errors.Values, messages => Assert.False(string.IsNullOrEmpty(Assert.Single(messages))));
    }

    [Fact]
    public async Task Run_Watched_IsFollowedToItsEnd()
    {
        var run = await ExampleRun.OpenAsync(page.Store, Running, Stop);
        var states = new List<RunState>();
        await foreach (var status in client.WatchRunAsync(Running, cancellationToken: Stop))
        {
            if (states.Count == 0)
            {
                Assert.Equal((StageState.Training, 107), (status.Stages[1].State, status.Stages[1].Step));
                foreach (var stage in run.Stages.Skip(1))
                {
                    await run.HaveFinishedAsync(stage.ToString(), 1.7);
                }

                await run.HaveEnsembleAsync([1.7336, 1.69, 1.65], "chain0/stage0", "chain0/stage1", "chain0/stage2");
            }

            states.Add(status.State);
        }

        Assert.Equal((RunState.Running, RunState.Succeeded), (states[0], states[^1]));
    }

    [Fact]
    public async Task Run_WhoseServerIsReplaced_IsWatchedOnByTheNext()
    {
        page.Live.Answer = Status(Core.Plan.RunState.Running);
        using var address = new CurrentAddress(page.Address);
        using var watching = new SlowrunClient(page.Address, TestPage.Token, address)
        {
            Pause = async (_, _) =>
            {
                if (address.Refused > 1)
                {
                    page = await TestPage.StartAsync(TestPage.Token, page.Store);
                    page.Live.Answer = Status(Core.Plan.RunState.Succeeded);
                    address.Current = page.Address;
                }
            },
        };
        var states = new List<RunState>();
        await foreach (var status in watching.WatchRunAsync(Running, cancellationToken: Stop))
        {
            states.Add(status.State);
            if (states.Count == 1)
            {
                await page.DisposeAsync();
            }
        }

        Assert.Equal([RunState.Running, RunState.Succeeded], states);
        Assert.Equal(2, address.Refused);
    }

    [Fact]
    public async Task Run_PausedResumedAndCancelled_HasThatIntent()
    {
        Assert.Equal(DesiredState.Paused, (await client.PauseRunAsync(Running, "chain0/stage1", Stop)).Stages["chain0/stage1"]);
        Assert.Equal(
            Core.Stages.DesiredState.Paused,
            (await new RunDocuments(page.Store, Running).ReadIntentAsync(Stop)).Of("chain0/stage1")
        );
        Assert.Equal(DesiredState.Running, (await client.ResumeRunAsync(Running, cancellationToken: Stop)).Run);
        Assert.Equal(DesiredState.Cancelled, (await client.CancelRunAsync(Running, cancellationToken: Stop)).Run);
        Assert.Equal(Core.Stages.DesiredState.Cancelled, (await new RunDocuments(page.Store, Running).ReadIntentAsync(Stop)).Run);
        Assert.Equal(RunState.Cancelled, (await client.GetRunAsync(Running, Stop)).State);
    }

    [Fact]
    public async Task Run_WhoseOperationsAreSet_HasThem()
    {
        var now = await client.SetOperationsAsync(Running, ["priority=2", "keepCheckpoints=4"], Stop);

        Assert.Equal((2, 4), (now.Priority, now.KeepCheckpoints));
        Assert.Equal(2, (await client.GetSpecAsync(Running, Stop)).Operations.Priority);
    }

    [Fact]
    public async Task Run_ThatHasFailed_IsTriedAgain()
    {
        await (await ExampleRun.OpenAsync(page.Store, Running, Stop)).HaveFailedAsync("chain0/stage1");

        Assert.Equal(1, (await client.RetryRunAsync(Running, cancellationToken: Stop)).Retries["chain0/stage1"]);
    }

    [Fact]
    public async Task Run_ThatHasEnded_RefusesOrdersWithTheReason()
    {
        var refusal = await Assert.ThrowsAsync<SlowrunException>(() => client.PauseRunAsync(Finished, cancellationToken: Stop));

        Assert.Equal(HttpStatusCode.Conflict, refusal.StatusCode);
        Assert.StartsWith($"'{Finished}' has ended already; there is nothing to change.", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Results_OfAFinishedRun_AreLossesMembersAndEnsemble()
    {
        var losses = await client.GetMetricsAsync(Finished, stage: "chain1/stage0", from: 100, to: 110, cancellationToken: Stop);

        var curve = Assert.Single(losses.Training);
        Assert.Equal(("chain1/stage0", ChainRole.Members, 192), (curve.Stage, curve.Role, curve.Steps));
        Assert.Equal(Enumerable.Range(100, 11), curve.Points.Select(point => (int)point[0]));
        Assert.Equal([1.7336, 1.7053, 1.7465, 1.7119], losses.Validation.Select(loss => loss.LossNats));
        Assert.Equal((4, 1.6370), (losses.Ensemble!.Members, losses.Ensemble.LossNats));
        Assert.Equal([1.7336, 1.6743, 1.6462, 1.6370], losses.Ensemble.Running);
        Assert.All(await client.GetMembersAsync(Finished, Stop), member => Assert.Equal(0.25, member.Weight));
    }

    [Fact]
    public async Task Losses_OfEveryStep_AreAFile()
    {
        using var file = await client.GetLossesAsCsvAsync(Finished, Stop);
        using var reader = new StreamReader(file.Stream);

        Assert.Equal("stage,step,trainLossNats", await reader.ReadLineAsync(Stop));
    }

    [Fact]
    public async Task Everything_ThatTheApiTells_IsRead()
    {
        await MeasureEfficiencyAsync(page.Store, Running, Stop);

        var server = await client.GetServerAsync(Stop);
        Assert.Equal(("memory:page", true), (server.Store, server.TakesOrders));
        var list = await client.ListRunsAsync(Stop);
        Assert.Equal([Finished, Preempted, Running], list.Runs.Select(run => run.Name));
        Assert.Equal(Damaged, Assert.Single(list.Damaged).Name);
        Assert.Equal("spot-2", Assert.Single(await client.ListSilosAsync(Stop)).Name);
        Assert.Equal(Running, (await client.GetSpecAsync(Running, Stop)).Name);
        Assert.Equal(120, (await client.GetLedgerAsync(Finished, Stop)).Run!.Chains.TrainingSeconds);
        Assert.Equal(3.41, (await client.GetEfficiencyAsync(Running, Stop)).Models[0].Factors[0].Factor!.Times);
        Assert.Equal(12, (await client.GetEventsAsync(Running, cancellationToken: Stop)).Events[4].Cost!.LostSteps);
        Assert.Contains((await client.GetTimelineAsync(Running, cancellationToken: Stop)).Spans, span => span.Silo == "spot-1");
        Assert.Equal([Finished, Running], (await client.CompareRunsAsync([Finished, Running], Stop)).Runs.Select(run => run.Name));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("a-token-that-is-not-it")]
    public async Task Token_ThatIsWrongOrMissing_IsRefusedForAllThings(string? token)
    {
        using var stranger = new SlowrunClient(page.Address, token);
        Func<Task>[] all =
        [
            () => stranger.GetRunAsync(Running, Stop),
            () => stranger.SubmitRunAsync("extends: tiny", cancellationToken: Stop),
            () => stranger.CancelRunAsync(Running, cancellationToken: Stop),
            async () => await stranger.WatchRunAsync(Running, cancellationToken: Stop).FirstAsync(Stop),
        ];
        foreach (var one in all)
        {
            var refusal = await Assert.ThrowsAsync<SlowrunException>(one);
            Assert.Equal(HttpStatusCode.Unauthorized, refusal.StatusCode);
            Assert.Contains("token", refusal.Message, StringComparison.Ordinal);
        }

        Assert.Equal(Core.Stages.DesiredState.Running, (await new RunDocuments(page.Store, Running).ReadIntentAsync(Stop)).Run);
    }

    [Theory]
    [InlineData("none")]
    [InlineData("ä b?c#d")]
    public async Task Run_ThatIsNotThere_IsRefusedByItsName(string run)
    {
        Func<Task>[] all =
        [
            () => client.GetRunAsync(run, Stop),
            () => client.GetMetricsAsync(run, cancellationToken: Stop),
            () => client.PauseRunAsync(run, cancellationToken: Stop),
            async () => await client.WatchRunAsync(run, cancellationToken: Stop).FirstAsync(Stop),
        ];
        foreach (var one in all)
        {
            var refusal = await Assert.ThrowsAsync<SlowrunException>(one);
            Assert.Equal((HttpStatusCode.NotFound, $"There is no run '{run}' in 'memory:page'."), (refusal.StatusCode, refusal.Message));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    public async Task Run_WhoseNameWouldBeAnotherAddress_IsAskedForNowhere(string run)
    {
        await Assert.ThrowsAsync<ArgumentException>(() => client.GetRunAsync(run, Stop));
        await Assert.ThrowsAsync<ArgumentException>(() => client.CancelRunAsync(run, cancellationToken: Stop));
        await Assert.ThrowsAsync<ArgumentException>(async () => await client.WatchRunAsync(run, cancellationToken: Stop).FirstAsync(Stop));
    }

    [Fact]
    public async Task Address_BelowAProxysPath_IsKept()
    {
        using var seen = new CurrentAddress(page.Address);
        using var behind = new SlowrunClient(new Uri(page.Address, "/slowrun"), TestPage.Token, seen);

        await Assert.ThrowsAsync<SlowrunException>(() => behind.GetRunAsync(Running, Stop));

        Assert.Equal($"/slowrun/api/v1/runs/{Running}", seen.Path);
    }

    private static Core.Status.RunStatus Status(Core.Plan.RunState state) =>
        new()
        {
            Name = Running,
            State = state,
            AsOf = DateTimeOffset.UnixEpoch,
            Source = Core.Status.StatusSource.Cluster,
            Stages = [],
        };

    /// <summary>Sends requests on to where the server is now, as a name or a proxy does.</summary>
    private sealed class CurrentAddress(Uri first) : DelegatingHandler(new SocketsHttpHandler())
    {
        public Uri Current { get; set; } = first;

        /// <summary>How often no server listened there.</summary>
        public int Refused { get; private set; }

        public string? Path { get; private set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Path = request.RequestUri!.AbsolutePath;
            request.RequestUri = new Uri(Current, request.RequestUri.PathAndQuery);
            try
            {
                return await base.SendAsync(request, cancellationToken);
            }
            catch (HttpRequestException)
            {
                Refused++;
                throw;
            }
        }
    }
}
