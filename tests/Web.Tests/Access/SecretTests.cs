using System.Collections.Concurrent;
using System.Reflection;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Slowrun.Web.Access;
using Slowrun.Web.Hosting;

namespace Slowrun.Web.Tests.Access;

/// <summary>What is learnt of a token by who does not have it.</summary>
public sealed class SecretTests
{
    private const string MetricsToken = "a-token-for-a-collector";
    private const string Guess = "a-guess-of-the-token";

    private const byte Call = 0x28;
    private const byte CallVirtual = 0x6F;

    [Fact]
    public void Comparison_OfATokenWithAGuess_TakesTheSameTimeWhateverIsGuessed()
    {
        var called = Called(typeof(AccessToken).GetMethod(nameof(AccessToken.Is))!).ToList();

        Assert.Contains(called, method => method.Name == nameof(CryptographicOperations.FixedTimeEquals));
        // Hashes are compared, which are of one length.
        Assert.Contains(called, method => method.DeclaringType == typeof(SHA256) && method.Name == nameof(SHA256.HashData));
        Assert.DoesNotContain(called, method => method.Name is "op_Equality" or "Equals" or "SequenceEqual" or "CompareTo");
    }

    [Fact]
    public async Task Logs_OfAllLevels_HoldNoTokenAndNoCookie()
    {
        using var logs = new KeptLogs();
        var tokens = new AccessRules { Token = TestPage.Token, MetricsToken = MetricsToken };
        await using var page = await TestPage.StartAsync(new WebOptions { Access = tokens, Logs = logs });
        foreach (var token in new[] { TestPage.Token, MetricsToken, Guess })
        {
            using var api = await page.GetAsync("/api/v1/runs", token);
            using var login = await page.PostAsync("/login", content: TestPage.Form(token, "/"));
        }

        var cookie = await page.LogInAsync();
        await page.StatusAsync(cookie);

        Assert.Contains(logs.Lines, line => line.Contains("/api/v1/runs", StringComparison.Ordinal));
        Assert.All(
            [TestPage.Token, MetricsToken, Guess, cookie.Split('=')[1]],
            secret => Assert.DoesNotContain(logs.Lines, line => line.Contains(secret, StringComparison.Ordinal))
        );
    }

    private static IEnumerable<MethodBase> Called(MethodInfo method)
    {
        var code = method.GetMethodBody()!.GetILAsByteArray()!;
        for (var i = 0; i + 4 < code.Length; i++)
        {
            if (code[i] is Call or CallVirtual && TryResolve(method.Module, BitConverter.ToInt32(code, i + 1)) is { } called)
            {
                yield return called;
            }
        }
    }

    private static MethodBase? TryResolve(Module module, int token)
    {
        try
        {
            return module.ResolveMethod(token);
        }
        catch (ArgumentException)
        {
            // The byte was no call.
            return null;
        }
    }

    private sealed class KeptLogs : ILoggerFactory, ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
        {
            Lines.Enqueue($"{state}");
            return null;
        }

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        ) => Lines.Enqueue($"{formatter(state, exception)} {exception}");

        public void Dispose() { }
    }
}
