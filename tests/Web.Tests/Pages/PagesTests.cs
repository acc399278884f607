using System.Net;
using System.Text.RegularExpressions;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;
using Slowrun.Storage;
using Slowrun.Storage.Runs;
using static Slowrun.Web.Tests.ExampleStore;

namespace Slowrun.Web.Tests.Pages;

/// <summary>What the pages say, as a program reads them.</summary>
public sealed class PagesTests(OpenPage open) : IClassFixture<OpenPage>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/nothing")]
    [InlineData("/runs/none")]
    public async Task Problem_OfWhoMayRead_KeepsTheWayBack(string path)
    {
        var html = await HtmlAsync(open.Page, path, HttpStatusCode.NotFound);

        Assert.Contains("""<a href="/silos">Silos</a>""", html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Problem_OfWhoMayNotRead_NamesNoStore()
    {
        await using var locked = await TestPage.StartAsync(TestPage.Token);
        using var answer = await locked.PostAsync($"/runs/{Running}/orders/pause");

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.DoesNotContain("memory:page", await answer.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/", "finished preempted running")]
    [InlineData("/?sort=name", "finished preempted running")]
    [InlineData("/?sort=progress", "finished running preempted")]
    [InlineData("/?sort=last", "running preempted finished")]
    [InlineData("/?sort=state", "preempted running finished")]
    public async Task Runs_AreSortedAsIsAsked(string path, string order)
    {
        var html = await HtmlAsync(open.Page, path);

        Assert.Equal(order, string.Join(' ', Regex.Matches(html, """<a href="/runs/(\w+)">""").Select(match => match.Groups[1].Value)));
    }

    [Theory]
    [InlineData("/?find=N", "finished running")]
    [InlineData("/?find=*ing&state=", "running")]
    [InlineData("/?state=succeeded&find=", "finished")]
    [InlineData("/?state=running&sort=progress", "running preempted")]
    [InlineData("/?find=ed&state=nonsense&sort=last", "preempted finished")]
    public async Task Runs_AreThoseThatAreLookedFor(string path, string runs)
    {
        var html = await HtmlAsync(open.Page, path);

        Assert.Equal(runs, string.Join(' ', Regex.Matches(html, """<a href="/runs/(\w+)">""").Select(match => match.Groups[1].Value)));
    }

    [Fact]
    public async Task Runs_WhereNoneIsAsWanted_SayWhatWasWantedAndTheWayBack()
    {
        var html = await HtmlAsync(open.Page, "/?find=%3Cb%3E&state=failed");

        Assert.Contains("""value="&lt;b&gt;" """, html, StringComparison.Ordinal);
        var text = Text(html);
        Assert.Contains("None of the 3 runs is named like '<b>', in state 'failed'. Show all", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Heads_OfAFilteredList_KeepTheFilter()
    {
        var html = await HtmlAsync(open.Page, "/?find=n&state=running&sort=last");

        Assert.Contains("""href="?sort=progress&amp;find=n&amp;state=running">""", html, StringComparison.Ordinal);
        Assert.Contains("""<input type="hidden" name="sort" value="last" """, html, StringComparison.Ordinal);
        Assert.Contains("""<option value="running" selected""", html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("?find=SPOT", true)]
    [InlineData("?find=runn", true)]
    [InlineData("?state=with+a+free+slot", true)]
    [InlineData("?find=preempted", false)]
    [InlineData("?state=joining+or+leaving", false)]
    public async Task Silos_AreThoseThatAreLookedFor(string query, bool found)
    {
        var text = Text(await HtmlAsync(open.Page, $"/silos{query}"));

        Assert.Equal(found, text.Contains("spot-2", StringComparison.Ordinal));
        Assert.Equal(!found, text.Contains("None of the 1 silo is", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Silos_ThatReportTheirLoad_ShowItAndOthersThatItIsNotKnown()
    {
        await using var page = await TestPage.StartAsync();
        Assert.Contains("cpu:0 cpu:1 cpu:2: not known", Text(await HtmlAsync(page, "/silos")), StringComparison.Ordinal);
        await using var live = await TestPage.StartAsync();
        live.Live.Reports.Add(
            new SiloReport(LivingSilo, "spot-2", 3, []) { Processors = new ProcessorUse(0.93, 2, 1_100_000_000, 8_200_000_000) }
        );

        Assert.Contains(
            "cpu:0 cpu:1 cpu:2: 1.1 GB of 8.2 GB, 93.0 % of 2 processors",
            Text(await HtmlAsync(live, "/silos")),
            StringComparison.Ordinal
        );
        var silo = (await live.JsonAsync("/api/v1/silos"))[0];
        Assert.Equal(0.93, silo.GetProperty("processors").GetProperty("share").GetDouble());
    }

    [Fact]
    public async Task Stages_OfARun_TellItsProgressAndTimeWhateverTrains()
    {
        var running = Text(await HtmlAsync(open.Page, $"/runs/{Running}"));
        var preempted = Text(await HtmlAsync(open.Page, $"/runs/{Preempted}"));

        // 192 + 107 of four stages of 192.
        Assert.Contains("Progress 38.9 % 299 of 768 steps, about", running, StringComparison.Ordinal);
        Assert.Contains("24,996 tokens a second now", running, StringComparison.Ordinal);
        Assert.Contains("Progress 18.2 % 70 of 384 steps Elapsed", preempted, StringComparison.Ordinal);
        Assert.Contains("since the submission; nothing trains now", preempted, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Losses_WhereStagesAreTaught_SayThatTheirLossIsAnother()
    {
        const string Note = "The training loss of a taught stage";

        Assert.Contains(Note, await HtmlAsync(open.Page, $"/runs/{Running}/losses"), StringComparison.Ordinal);
        var alone = new MemoryStore();
        await ExampleRun.CreateAsync(alone, "alone", "[{stages: 1}]", TimeProvider.System.GetUtcNow(), Stop);
        await using var page = await TestPage.StartAsync(store: alone);
        Assert.DoesNotContain(Note, await HtmlAsync(page, "/runs/alone/losses"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(16, false)]
    [InlineData(30, true)]
    public async Task Legend_OfManyCurves_NamesThemAll(int stages, bool folded)
    {
        var store = new MemoryStore();
        var run = await ExampleRun.CreateAsync(store, "wide", $"[{{stages: {stages}}}]", TimeProvider.System.GetUtcNow(), Stop);
        foreach (var stage in run.Stages)
        {
            await run.HaveAsync(stage.ToString(), 20, 20, root => root);
        }

        await using var wide = await TestPage.StartAsync(store: store);
        var html = await HtmlAsync(wide, "/runs/wide/losses");

        var legend = Regex.Match(html, """<ul class="legend">(.*?)</ul>""", RegexOptions.Singleline).Groups[1].Value;
        Assert.Equal(stages, Regex.Count(legend, "<li>"));
        Assert.Equal(folded, html.Contains($"What the {stages} curves are", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Members_OfARunWhoseEfficiencyWasMeasured_ShowItsFactorsAndCurve()
    {
        var store = await CreateAsync(Stop);
        await MeasureEfficiencyAsync(store, Finished, Stop);
        await using var page = await TestPage.StartAsync(store: store);

        var html = await HtmlAsync(page, $"/runs/{Finished}/members");

        Assert.Contains("ensemble of 4 1.6370 3.41x 3.10x to >= 4.00x", Text(html), StringComparison.Ordinal);
        Assert.Contains("id=\"efficiency-title\"", html, StringComparison.Ordinal);
        Assert.Contains("one pass 65,536 2.00x 1.9000", Text(html), StringComparison.Ordinal);
        Assert.Equal("finished", (await page.JsonAsync($"/api/v1/runs/{Finished}/efficiency")).GetProperty("run").GetString());
        Assert.StartsWith("<svg", await HtmlAsync(page, $"/runs/{Finished}/plots/efficiency.svg"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("not sealed")]
    public async Task Members_OfARunWhoseEfficiencyIsNotKnown_NameTheCommand(string? damaged)
    {
        var store = await CreateAsync(Stop);
        if (damaged is not null)
        {
            await store.WriteAsync(RunPaths.Efficiency(Finished), System.Text.Encoding.UTF8.GetBytes(damaged), Stop);
        }

        await using var page = await TestPage.StartAsync(store: store);

        Assert.Contains("slowrun efficiency finished", Text(await HtmlAsync(page, $"/runs/{Finished}/members")), StringComparison.Ordinal);
        var problem = await page.JsonAsync(
            $"/api/v1/runs/{Finished}/efficiency",
            damaged is null ? HttpStatusCode.NotFound : HttpStatusCode.InternalServerError
        );
        Assert.Contains("efficiency", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Efficiency_OfAnEarlierRunOfThatName_IsNotShown()
    {
        var store = await CreateAsync(Stop);
        await MeasureEfficiencyAsync(store, Finished, Stop);
        var measured = new RunEfficiency(store, Finished);
        await measured.WriteAsync((await measured.TryReadAsync(Stop))! with { RecipeSha256 = "another" }, Stop);
        await using var page = await TestPage.StartAsync(store: store);

        await page.JsonAsync($"/api/v1/runs/{Finished}/efficiency", HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Compare_OfTwoRuns_HasTheirFiguresAndWhereTheirRecipesDiffer()
    {
        var html = await HtmlAsync(open.Page, $"/compare?run={Finished}&run={Running}");
        var comparison = await open.Page.JsonAsync($"/api/v1/compare?run={Finished}&run={Running}");

        var text = Text(html);
        Assert.Contains("ensemble, nats/token 1.6370 1.7336", text, StringComparison.Ordinal);
        Assert.Contains("stages done 4 of 4 1 of 4", text, StringComparison.Ordinal);
        Assert.DoesNotContain("scored on different text", text, StringComparison.Ordinal);
        var differing = comparison.GetProperty("differences").EnumerateArray().Select(one => one.GetProperty("path").GetString()!).ToList();
        Assert.NotEmpty(differing);
        Assert.All(differing, path => Assert.Contains($"<code>{path["recipe.".Length..]}</code>", html, StringComparison.Ordinal));
        Assert.Equal(1.6370, comparison.GetProperty("runs")[0].GetProperty("ensembleLossNats").GetDouble());
    }

    [Theory]
    [InlineData("/compare")]
    [InlineData($"/compare?run={Finished}&run={Finished}")]
    public async Task Compare_OfFewerThanTwoRuns_OffersAllOfThem(string path)
    {
        var html = await HtmlAsync(open.Page, path);

        Assert.Contains("Choose two or more runs.", html, StringComparison.Ordinal);
        Assert.All(new[] { Finished, Running, Preempted }, run => Assert.Contains($"value=\"{run}\"", html, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData($"/compare?run={Finished}&run=none", HttpStatusCode.NotFound)]
    [InlineData(
        "/compare?run=1&run=2&run=3&run=4&run=5&run=6&run=7&run=8&run=9&run=a&run=b&run=c&run=d&run=e&run=f&run=g&run=h",
        HttpStatusCode.BadRequest
    )]
    [InlineData("/compare?in=a&in=b", HttpStatusCode.BadRequest)]
    [InlineData($"/api/v1/compare?run={Finished}", HttpStatusCode.BadRequest)]
    public async Task Compare_OfRunsThatCannotBe_IsRefused(string path, HttpStatusCode expected)
    {
        using var answer = await open.Page.GetAsync(path);

        Assert.Equal(expected, answer.StatusCode);
    }

    [Fact]
    public async Task Orders_OfAFinishedRun_AreNotOffered()
    {
        await using var locked = await TestPage.StartAsync(TestPage.Token);
        using var finished = await locked.GetAsync($"/runs/{Finished}", TestPage.Token);
        using var running = await locked.GetAsync($"/runs/{Running}", TestPage.Token);

        Assert.DoesNotContain("/orders/", await finished.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
        var offered = await running.Content.ReadAsStringAsync(Stop);
        Assert.Contains("/orders/pause", offered, StringComparison.Ordinal);
        Assert.DoesNotContain("/orders/resume", offered, StringComparison.Ordinal);
    }

    private static async Task<string> HtmlAsync(TestPage page, string path, HttpStatusCode expected = HttpStatusCode.OK)
    {
        using var answer = await page.GetAsync(path);
        Assert.Equal(expected, answer.StatusCode);
        return await answer.Content.ReadAsStringAsync(Stop);
    }

    private static string Text(string html) => WebUtility.HtmlDecode(Regex.Replace(Regex.Replace(html, "<[^>]*>", " "), @"\s+", " "));
}
