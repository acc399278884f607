using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Storage.Blobs;
using Slowrun.Storage.Remote;

namespace Slowrun.Storage.Tests.Blobs;

/// <summary>A client of Azure's SDK whose operations a library calls.</summary>
public sealed class AzureRetriesTests
{
    private readonly FakeTimeProvider time = new();
    private readonly Service service = new();
    private readonly HttpPipeline client;

    public AzureRetriesTests() =>
        client = HttpPipelineBuilder.Build(
            new Options
            {
                Transport = service,
                RetryPolicy = new AzureRetries(
                    "The table service of the account 'mine'",
                    "Storage Table Data Contributor",
                    new RemoteStoreOptions { Deadline = TimeSpan.FromSeconds(10), LongestDelay = TimeSpan.FromSeconds(1) },
                    time
                ),
                Diagnostics = { IsLoggingEnabled = false },
            }
        );

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ask_WhenAnswersAreLostOrBusy_AsksUntilThereIsOne()
    {
        service.Answers.Enqueue(() => throw new RequestFailedException("Reset."));
        service.Answers.Enqueue(() => throw new IOException("Cut."));
        service.Answers.Enqueue(() => throw new TaskCanceledException("Timed out."));
        service.Answers.Enqueue(() => 503);
        service.Answers.Enqueue(() => 429);

        Assert.Equal(200, await AnswerAsync());
        Assert.Equal(6, service.Asked);
    }

    /// <summary>What the SDK's own retries would do besides would multiply ours: they are not there.</summary>
    [Theory]
    [InlineData(404)]
    [InlineData(409)]
    [InlineData(412)]
    [InlineData(501)]
    public async Task Ask_WhenTheAnswerIsOneThatStays_IsAnswered(int status)
    {
        service.Answers.Enqueue(() => status);

        Assert.Equal(status, await AnswerAsync());
        Assert.Equal(1, service.Asked);
    }

    [Theory]
    [InlineData(401)]
    [InlineData(403)]
    public async Task Ask_WhenItIsRefused_SaysWhichRoleIsMissing(int status)
    {
        service.Answers.Enqueue(() => status);

        var error = await Assert.ThrowsAsync<StoreException>(AnswerAsync);

        Assert.Equal((StoreProblem.Denied, 1), (error.Problem, service.Asked));
        Assert.Contains("needs the role Storage Table Data Contributor", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ask_WhenNobodyEverAnswers_SaysWhoAfterTheDeadline()
    {
        var began = time.GetTimestamp();
        service.Always = () => throw new RequestFailedException("Connection refused (sig=secret).");

        var error = await Assert.ThrowsAsync<StoreException>(AnswerAsync);

        Assert.Equal(StoreProblem.Unreachable, error.Problem);
        Assert.StartsWith("The table service of the account 'mine' did not answer within 10 s:", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
        Assert.True(service.Asked > 2, $"asked {service.Asked} times");
        Assert.True(time.GetElapsedTime(began) >= TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Ask_WhenTheCallerGivesUp_IsCancelled()
    {
        using var caller = new CancellationTokenSource();
        service.Always = () =>
        {
            caller.Cancel();
            throw new RequestFailedException("Connection refused.");
        };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => AskAsync(caller.Token));
    }

    private Task<int> AnswerAsync() => AskAsync(Cancel);

    private async Task<int> AskAsync(CancellationToken cancellationToken)
    {
        using var message = client.CreateMessage();
        message.Request.Method = RequestMethod.Get;
        message.Request.Uri.Reset(new Uri("https://mine.table.core.windows.net/"));
        var asking = client.SendAsync(message, cancellationToken).AsTask();
        while (!asking.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
        }

        await asking;
        return message.Response.Status;
    }

    private sealed class Options : ClientOptions;

    /// <summary>Answers as it is told, and then with 200.</summary>
    private sealed class Service : HttpPipelineTransport
    {
        public Queue<Func<int>> Answers { get; } = new();

        public Func<int>? Always { get; set; }

        public int Asked { get; private set; }

        public override Request CreateRequest() => new HttpClientTransport().CreateRequest();

        public override void Process(HttpMessage message) => throw new NotSupportedException();

        public override ValueTask ProcessAsync(HttpMessage message)
        {
            Asked++;
            message.Response = new Answer((Always ?? (Answers.TryDequeue(out var next) ? next : () => 200))());
            return ValueTask.CompletedTask;
        }
    }

    private sealed class Answer(int status) : Response
    {
        public override int Status => status;

        public override string ReasonPhrase => "";

        public override Stream? ContentStream { get; set; }

        public override string ClientRequestId { get; set; } = "";

        public override void Dispose() { }

        protected override bool ContainsHeader(string name) => false;

        protected override IEnumerable<HttpHeader> EnumerateHeaders() => [];

        protected override bool TryGetHeader(string name, out string value)
        {
            value = "";
            return false;
        }

        protected override bool TryGetHeaderValues(string name, out IEnumerable<string> values)
        {
            values = [];
            return false;
        }
    }
}
