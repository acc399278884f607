using System.Globalization;
using System.Net;
using System.Text.Json;
using static Slowrun.Web.Tests.ExampleStore;

namespace Slowrun.Web.Tests.Api;

public sealed class RunsApiTests : IAsyncLifetime
{
    private TestPage page = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => page = await TestPage.StartAsync();

    public ValueTask DisposeAsync() => page.DisposeAsync();

    [Fact]
    public async Task Runs_WithADamagedOneAmongThem_NamesItAndListsTheOthers()
    {
        var list = await page.JsonAsync("/api/v1/runs");

        Assert.Equal(
            [Finished, Preempted, Running],
            list.GetProperty("runs").EnumerateArray().Select(run => run.GetProperty("name").GetString())
        );
        var damaged = Assert.Single(list.GetProperty("damaged").EnumerateArray());
        Assert.Contains("runs/damaged/spec", damaged.GetProperty("problem").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_WhenNoSiloAnswers_IsTheStoresStatus()
    {
        var status = await page.JsonAsync($"/api/v1/runs/{Running}");

        Assert.Equal(("Running", "store"), (status.GetProperty("state").GetString(), status.GetProperty("source").GetString()));
        var stage = status.GetProperty("stages")[1];
        Assert.Equal(
            ("chain0/stage1", "Training", 107, 90, "spot-2"),
            (
                stage.GetProperty("id").GetString(),
                stage.GetProperty("state").GetString(),
                stage.GetProperty("step").GetInt32(),
                stage.GetProperty("durableStep").GetInt32(),
                stage.GetProperty("owner").GetProperty("siloName").GetString()
            )
        );
    }

    [Fact]
    public async Task Run_WhenASiloAnswers_IsItsStatus()
    {
        page.Live.Answer = new Core.Status.RunStatus
        {
            Name = Running,
            State = Core.Plan.RunState.Running,
            AsOf = DateTimeOffset.UnixEpoch,
            Source = Core.Status.StatusSource.Cluster,
            Stages = [],
        };

        Assert.Equal("cluster", (await page.JsonAsync($"/api/v1/runs/{Running}")).GetProperty("source").GetString());
    }

    [Theory]
    [InlineData("/api/v1/runs/none")]
    [InlineData("/api/v1/runs/none/events")]
    [InlineData("/api/v1/runs/none/metrics.csv")]
    [InlineData("/api/v1/runs/none/stream")]
    [InlineData("/api/v1/runs/..%2fcluster")]
    [InlineData("/api/v1/nothing")]
    public async Task Anything_ThatIsNotThere_IsAProblemWithAReason(string path)
    {
        var problem = await page.JsonAsync(path, HttpStatusCode.NotFound);

        Assert.False(string.IsNullOrEmpty(problem.GetProperty("detail").GetString()));
    }

    [Fact]
    public async Task Run_WhenADocumentIsDamaged_IsAProblemThatNamesIt()
    {
        var problem = await page.JsonAsync($"/api/v1/runs/{Damaged}", HttpStatusCode.InternalServerError);

        Assert.Contains("runs/damaged/spec", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_WhenAskedInPieces_GiveEachOnce()
    {
        var kinds = new List<string>();
        for (var (after, total) = (0, 1); after < total; )
        {
            var answer = await page.JsonAsync($"/api/v1/runs/{Running}/events?after={after}&limit=4");
            kinds.AddRange(answer.GetProperty("events").EnumerateArray().Select(happened => happened.GetProperty("kind").GetString()!));
            (after, total) = (answer.GetProperty("next").GetInt32(), answer.GetProperty("total").GetInt32());
        }

        Assert.Equal(["stage-taken", "stage-finished", "stage-taken", "preemption-notice", "owner-lost", "stage-taken"], kinds);
    }

    [Theory]
    [InlineData("events?after=-1")]
    [InlineData("events?limit=0")]
    [InlineData("events?limit=5000")]
    [InlineData("metrics?points=1")]
    [InlineData("metrics?stage=stage7")]
    [InlineData("metrics?points=many")]
    [InlineData("metrics?from=-2147483648")]
    [InlineData("metrics?from=99999999999")]
    [InlineData("metrics?from=NaN")]
    [InlineData("metrics?to=-1")]
    [InlineData("metrics?from=9&to=8")]
    [InlineData("metrics?chain=-1")]
    [InlineData("metrics?points=1e3")]
    [InlineData("events?after=1&before=2")]
    [InlineData("events?before=-1")]
    [InlineData("timeline?limit=1001")]
    [InlineData("timeline?before=-2147483648")]
    public async Task Questions_OutsideTheLimits_AreRefused(string question)
    {
        using var answer = await page.GetAsync($"/api/v1/runs/{Running}/{question}");

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    [Theory]
    [InlineData("metrics?from=2147483647")]
    [InlineData("metrics?to=2147483647&from=0")]
    [InlineData("metrics?stage=chain7/stage7")]
    [InlineData("events?after=2147483647")]
    [InlineData("events?before=0")]
    public async Task Questions_BeyondWhatThereIs_AreAnsweredWithNothing(string question)
    {
        using var answer = await page.GetAsync($"/api/v1/runs/{Running}/{question}");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task Runs_ThatAreNotThere_AreNotAskedForAmongTheSilos()
    {
        for (var i = 0; i < 20; i++)
        {
            foreach (var path in new[] { "", "/events", "/ledger" })
            {
                using var answer = await page.GetAsync($"/api/v1/runs/made-up-{i}{path}");
                Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
            }
        }

        await page.JsonAsync($"/api/v1/runs/{Running}");

        Assert.Equal([Running], page.Live.Asked);
    }

    [Fact]
    public async Task Events_OfTheEnd_AreAskedForBackwards()
    {
        var newest = await page.JsonAsync($"/api/v1/runs/{Running}/events?before=6&limit=2");
        Assert.Equal(
            (6, 4, 6),
            (newest.GetProperty("total").GetInt32(), newest.GetProperty("first").GetInt32(), newest.GetProperty("next").GetInt32())
        );
        Assert.Equal(
            ["owner-lost", "stage-taken"],
            newest.GetProperty("events").EnumerateArray().Select(happened => happened.GetProperty("kind").GetString())
        );

        var older = await page.JsonAsync($"/api/v1/runs/{Running}/events?before=1&limit=2");
        Assert.Equal("stage-taken", Assert.Single(older.GetProperty("events").EnumerateArray()).GetProperty("kind").GetString());
    }

    [Fact]
    public async Task Metrics_OfAFinishedRun_AreCurvesScoresAndEnsemble()
    {
        var metrics = await page.JsonAsync($"/api/v1/runs/{Finished}/metrics?points=20");

        var curves = metrics.GetProperty("training").EnumerateArray().ToList();
        Assert.Equal(4, curves.Count);
        Assert.All(curves, curve => Assert.InRange(curve.GetProperty("points").GetArrayLength(), 10, 20));
        Assert.Equal(
            [1.7336, 1.7053, 1.7465, 1.7119],
            metrics.GetProperty("validation").EnumerateArray().Select(loss => loss.GetProperty("lossNats").GetDouble())
        );
        Assert.Equal(
            [1.7336, 1.6743, 1.6462, 1.6370],
            metrics.GetProperty("ensemble").GetProperty("running").EnumerateArray().Select(loss => loss.GetDouble())
        );
    }

    [Fact]
    public async Task Metrics_OfAPart_AreOfThatStageAndThoseSteps()
    {
        var metrics = await page.JsonAsync($"/api/v1/runs/{Finished}/metrics?stage=chain1/stage0&from=100&to=110");

        var curve = Assert.Single(metrics.GetProperty("training").EnumerateArray());
        Assert.Equal(Enumerable.Range(100, 11), curve.GetProperty("points").EnumerateArray().Select(point => (int)point[0].GetDouble()));
    }

    [Fact]
    public async Task Csv_HasEveryStepAsItWasTrained()
    {
        using var answer = await page.GetAsync($"/api/v1/runs/{Finished}/metrics.csv");
        var lines = (await answer.Content.ReadAsStringAsync(Stop)).TrimEnd().Split('\n');

        Assert.Equal((HttpStatusCode.OK, "text/csv"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        Assert.Equal(1 + (4 * 192), lines.Length);
        var curve = ExampleRun.Curve(ExampleRun.Id("chain0/stage0"), 192);
        Assert.Equal($"chain0/stage0,7,{curve[6].ToString("R", CultureInfo.InvariantCulture)}", lines[7]);
    }

    [Fact]
    public async Task Timeline_OfALostMachine_SaysWhenItWasGoneAndWhatThatCost()
    {
        var timeline = await page.JsonAsync($"/api/v1/runs/{Running}/timeline");

        var lost = timeline.GetProperty("spans").EnumerateArray().Single(span => span.GetProperty("end").GetString() == "Lost");
        Assert.Equal(
            ("chain0/stage1", "spot-1", 12),
            (
                lost.GetProperty("stage").GetString(),
                lost.GetProperty("silo").GetString(),
                lost.GetProperty("cost").GetProperty("lostSteps").GetInt32()
            )
        );
        // Told 130 s after the beginning, 8 s after its last sign.
        Assert.Equal(61, (lost.GetProperty("to").GetDateTimeOffset() - lost.GetProperty("from").GetDateTimeOffset()).TotalSeconds);
        Assert.Equal("preemption-notice", Assert.Single(timeline.GetProperty("marks").EnumerateArray()).GetProperty("kind").GetString());
    }

    [Fact]
    public async Task Ledger_Members_Spec_And_Silos_TellWhatTheStoreHolds()
    {
        var ledger = await page.JsonAsync($"/api/v1/runs/{Finished}/ledger");
        Assert.Equal(120, ledger.GetProperty("run").GetProperty("chains").GetProperty("trainingSeconds").GetDouble());
        Assert.Equal(4, ledger.GetProperty("stages").GetArrayLength());

        var members = await page.JsonAsync($"/api/v1/runs/{Finished}/members");
        Assert.All(members.EnumerateArray(), member => Assert.Equal(0.25, member.GetProperty("weight").GetDouble()));
        Assert.Equal("chain0/stage0", members[1].GetProperty("teacher").GetString());

        Assert.Equal(Finished, (await page.JsonAsync($"/api/v1/runs/{Finished}/spec")).GetProperty("name").GetString());

        var silo = Assert.Single((await page.JsonAsync("/api/v1/silos")).EnumerateArray());
        var held = Assert.Single(silo.GetProperty("stages").EnumerateArray());
        Assert.Equal(
            ("spot-2", Running, "chain0/stage1"),
            (silo.GetProperty("name").GetString(), held.GetProperty("run").GetString(), held.GetProperty("stage").GetString())
        );
        Assert.Equal(["cpu:2"], silo.GetProperty("freeSlots").EnumerateArray().Select(slot => slot.GetString()));
    }

    [Fact]
    public async Task Description_NamesEveryAddress()
    {
        var description = await page.JsonAsync("/api/v1/openapi.json");

        Assert.StartsWith("3.", description.GetProperty("openapi").GetString(), StringComparison.Ordinal);
        var paths = description.GetProperty("paths").EnumerateObject().Select(path => path.Name).ToList();
        Assert.Contains("/api/v1/runs/{run}/metrics", paths);
        Assert.Contains("/api/v1/runs/{run}/orders/{order}", paths);
        Assert.All(paths, path => Assert.StartsWith("/api/v1", path, StringComparison.Ordinal));
        var stage = description.GetProperty("components").GetProperty("schemas").GetProperty("StageStatus").GetProperty("properties");
        Assert.True(stage.TryGetProperty("durableStep", out _));
    }

    [Fact]
    public async Task Stream_WhenTheRunChanges_SendsItAtOnce()
    {
        using var answer = await page.GetAsync($"/api/v1/runs/{Running}/stream");
        Assert.Equal("text/event-stream", answer.Content.Headers.ContentType?.MediaType);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(Stop));
        Assert.Equal(107, (await NextAsync(reader, "status")).GetProperty("stages")[1].GetProperty("step").GetInt32());

        await page.Store.WriteAsync(
            Storage.Runs.RunPaths.Progress(Running, ExampleRun.Id("chain0/stage1")),
            Storage.SealedJson.Serialize(
                Storage.Runs.RunPaths.Progress(Running, ExampleRun.Id("chain0/stage1")),
                new Core.Stages.StageProgress
                {
                    Stage = "chain0/stage1",
                    EpochToken = 1,
                    Activity = Core.Stages.StageActivity.Training,
                    Step = 120,
                    Steps = 192,
                    At = DateTimeOffset.UnixEpoch,
                }
            ),
            Stop
        );
        Assert.Equal(120, (await NextAsync(reader, "status")).GetProperty("stages")[1].GetProperty("step").GetInt32());

        await new Storage.Runs.RunEvents(page.Store, Running).AppendAsync(
            new Core.Stages.RunEvent(TimeProvider.System.GetUtcNow(), "operations-changed", null, "The user changed it."),
            Stop
        );
        Assert.Equal("operations-changed", (await NextAsync(reader, "event")).GetProperty("kind").GetString());
    }

    private static async Task<JsonElement> NextAsync(StreamReader reader, string name)
    {
        for (var kind = ""; await reader.ReadLineAsync(Stop) is { } line; )
        {
            if (line.StartsWith("event: ", StringComparison.Ordinal))
            {
                kind = line["event: ".Length..];
            }
            else if (line.StartsWith("data: ", StringComparison.Ordinal) && kind == name)
            {
                using var document = JsonDocument.Parse(line["data: ".Length..]);
                return document.RootElement.Clone();
            }
        }

        throw new InvalidDataException($"The stream ended without another '{name}'.");
    }
}
