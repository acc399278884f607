using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;
using Slowrun.Core.Plan;
using Slowrun.Storage;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tests;
using Slowrun.Storage.Tokens;

namespace Slowrun.Web.Tests.Api;

/// <summary><c>POST /api/v1/runs</c>, as a program without the command line submits.</summary>
public sealed class SubmitApiTests : IAsyncLifetime
{
    private const string Runs = "/api/v1/runs";

    private TestPage page = null!;
    private string data = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        page = await TestPage.StartAsync(TestPage.Token);
        data = await UploadAsync(trainTokens: 20_000);
    }

    public ValueTask DisposeAsync() => page.DisposeAsync();

    [Fact]
    public async Task Spec_OnDataOfTheStore_IsARunThatSilosAreToldOf()
    {
        var answer = await SubmitAsync($"?name=mine&data={data}", "extends: tiny\nrecipe:\n  seed: 5\n");

        Assert.Equal("mine", answer.GetProperty("run").GetString());
        var spec = await new RunDocuments(page.Store, "mine").TryReadSpecAsync(Stop);
        Assert.Equal((5, data, 20_000L), (spec!.Recipe.Seed, spec.Recipe.Data.Sha256, spec.Recipe.Data.TrainTokens));
        Assert.Equal(["mine"], page.Live.Pokes);
        using var status = await page.GetAsync($"{Runs}/mine", TestPage.Token);
        Assert.Equal(HttpStatusCode.OK, status.StatusCode);
    }

    [Fact]
    public async Task Spec_SubmittedAgain_HasTheSameAnswer()
    {
        const string json = """{"extends": "tiny", "name": "mine", "recipe": {"seed": 5}}""";
        var first = await SubmitAsync($"?data={data}", json);

        var again = await SubmitAsync($"?data={data}", json);
        // The run that is there says which data.
        var bare = await SubmitAsync("", $$$"""{"extends": "tiny", "name": "mine", "recipe": {"seed": 5, "data": {{{Data(first)}}} }}""");

        Assert.Equal(first.GetRawText(), again.GetRawText());
        Assert.Equal(first.GetRawText(), bare.GetRawText());
        Assert.Equal(["mine"], page.Live.Pokes);
    }

    [Fact]
    public async Task Spec_WithOtherOperationsThanTheRun_IsToldThatTheyStay()
    {
        await SubmitAsync($"?name=mine&data={data}", "extends: tiny");

        var again = await SubmitAsync($"?name=mine&data={data}", "extends: tiny\noperations:\n  priority: 7\n");

        Assert.Contains("operations.priority: 0 there, 7 here", again.GetProperty("notes")[0].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Name_OfARunWithAnotherRecipe_IsAConflictThatSaysWhere()
    {
        await SubmitAsync($"?name=mine&data={data}", "extends: tiny");

        var problem = await SubmitAsync($"?name=mine&data={data}", "extends: tiny\nrecipe:\n  seed: 6\n", HttpStatusCode.Conflict);

        var detail = problem.GetProperty("detail").GetString();
        Assert.Contains("recipe.seed: 42 there, 6 here", detail, StringComparison.Ordinal);
        Assert.Contains("another 'name'", detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("?name=mine", "", "there is nothing in it")]
    [InlineData("?name=mine", "extends: tinny", "there is no preset 'tinny'")]
    [InlineData("?name=mine", "extends: tiny\nrecipe: {model: {layers: -1}}", "recipe.model.layers")]
    [InlineData("", "extends: tiny", "nothing names the run")]
    [InlineData("?name=Mine!", "extends: tiny", "'Mine!' cannot name a run")]
    [InlineData("?name=mine", "extends: tiny", "only a command line makes data")]
    [InlineData("?name=mine&data=../runs", "extends: tiny", "are not in 'memory:page'")]
    [InlineData(
        "?name=mine&data=ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "extends: tiny",
        "slowrun data prepare"
    )]
    [InlineData("?name=mine&data=DATA", "extends: tiny\nrecipe: {model: {vocabSize: 300}}", "257 token ids")]
    [InlineData("?name=mine&data=FEW", "extends: tiny", "has 50 training tokens")]
    [InlineData("?name=mine&data=TOKENS", "extends: tiny", "data/")]
    [InlineData("?name=mine", "extends: tiny\nrecipe: {data: {sha256: TOKENS}}", "data/")]
    [InlineData("?name=mine&data=DATA", "extends: tiny\noperations: {notify: [{url: 'env:PATH'}]}", "operations.notify")]
    public async Task Spec_ThatCannotBeARun_IsRefusedWithWhatIsWrongAndMakesNone(string query, string spec, string expected)
    {
        var few = await UploadAsync(trainTokens: 50);
        var tokens = (await new StoredTokenSets(page.Store).ReadManifestAsync(data, Stop)).Fitness!.Sha256;
        query = query
            .Replace("DATA", data, StringComparison.Ordinal)
            .Replace("FEW", few, StringComparison.Ordinal)
            .Replace("TOKENS", tokens, StringComparison.Ordinal);
        spec = spec.Replace("TOKENS", tokens, StringComparison.Ordinal);

        var problem = await SubmitAsync(query, spec, HttpStatusCode.BadRequest);

        Assert.Contains(expected, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Null(await new RunDocuments(page.Store, "mine").TryReadSpecAsync(Stop));
        Assert.Empty(page.Live.Pokes);
    }

    [Fact]
    public async Task Spec_WithSeveralProblems_NamesTheFieldOfEach()
    {
        var problem = await SubmitAsync("?name=mine", "extends: tiny\nrecipe: {seeed: 1, model: {layers: -1}}", HttpStatusCode.BadRequest);

        var fields = problem.GetProperty("errors").EnumerateObject().Select(field => field.Name).Order(StringComparer.Ordinal);
        Assert.Equal(["recipe", "recipe.model.layers"], fields);
    }

    [Fact]
    public async Task Spec_LongerThanAnyMayBe_IsRefusedUnread()
    {
        using var spec = new UnsentContent(lengthBytes: (1 << 20) + 1);

        using var answer = await page.PostUnreadAsync($"{Runs}?name=mine", TestPage.Token, spec);

        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, false), (answer.StatusCode, spec.WasAskedFor));
    }

    [Fact]
    public async Task Spec_ThatIsNoText_IsRefused()
    {
        using var answer = await page.PostAsync($"{Runs}?name=mine", TestPage.Token, new ByteArrayContent([0xff, 0xfe, 0xff]));

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("not UTF-8", await answer.Content.ReadAsStringAsync(Stop), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Spec_WithoutTheToken_MakesNothing()
    {
        using var answer = await page.PostAsync($"{Runs}?name=mine&data={data}", null, new StringContent("extends: tiny"));

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Null(await new RunDocuments(page.Store, "mine").TryReadSpecAsync(Stop));
    }

    /// <summary>Two runs are read at once. A submission is none of them.</summary>
    [Fact]
    public async Task Runs_WhileASubmissionAndAReadingHang_AreShown()
    {
        using var hanging = new HangingReads(page.Store, DataPaths.Of(data), RunPaths.Root(ExampleStore.Running, new StageId(0, 1)));
        await using var slow = await TestPage.StartAsync(TestPage.Token, hanging);
        var submission = slow.PostAsync($"{Runs}?name=mine&data={data}", TestPage.Token, new StringContent("extends: tiny"));
        var reading = slow.GetAsync($"{Runs}/{ExampleStore.Running}", TestPage.Token);
        await hanging.AllAsked.WaitAsync(Stop);

        using var other = await slow.GetAsync($"{Runs}/{ExampleStore.Finished}", TestPage.Token);

        Assert.Equal((HttpStatusCode.OK, false, false), (other.StatusCode, submission.IsCompleted, reading.IsCompleted));
        hanging.Dispose();
        using var submitted = await submission;
        using var read = await reading;
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (submitted.StatusCode, read.StatusCode));
    }

    private async Task<JsonElement> SubmitAsync(string query, string spec, HttpStatusCode expected = HttpStatusCode.OK)
    {
        using var answer = await page.PostAsync(Runs + query, TestPage.Token, new StringContent(spec, Encoding.UTF8, "application/yaml"));
        var text = await answer.Content.ReadAsStringAsync(Stop);
        Assert.True(expected == answer.StatusCode, $"{answer.StatusCode}: {text}");
        using var document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }

    private static string Data(JsonElement answer) => answer.GetProperty("spec").GetProperty("recipe").GetProperty("data").GetRawText();

    private Task<string> UploadAsync(int trainTokens) => ExampleData.UploadAsync(page.Store, trainTokens, Stop);

    /// <summary>Reads of some objects wait until this is disposed.</summary>
    private sealed class HangingReads(IObjectStore inner, params string[] names) : DelegatingStore(inner), IDisposable
    {
        private readonly ConcurrentDictionary<string, bool> asked = new(StringComparer.Ordinal);
        private readonly TaskCompletionSource all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource released = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Ends when each of them has been asked for.</summary>
        public Task AllAsked => all.Task;

        public void Dispose() => released.TrySetResult();

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            if (names.Contains(operation.Name))
            {
                asked[operation.Name] = true;
                if (asked.Count == names.Length)
                {
                    all.TrySetResult();
                }

                await released.Task;
            }

            return await run();
        }
    }

    private sealed class UnsentContent(int lengthBytes) : HttpContent
    {
        public bool WasAskedFor { get; private set; }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            WasAskedFor = true;
            return stream.WriteAsync(new byte[lengthBytes]).AsTask();
        }

        protected override bool TryComputeLength(out long length)
        {
            length = lengthBytes;
            return true;
        }
    }
}
