using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Silo.Hosting;

namespace Slowrun.Silo.Tests.Hosting;

/// <summary>What is written of Orleans' warnings.</summary>
public sealed class BriefLogTests : IDisposable
{
    private readonly FakeTimeProvider time = new();
    private readonly Lines lines = new();
    private readonly BriefLog log;

    public BriefLogTests() => log = new BriefLog(lines, time);

    public void Dispose() => log.Dispose();

    [Fact]
    public void Warning_OfOrleans_IsOneLineWithItsCauseAndWithoutAStack()
    {
        Warn("Orleans.Runtime.Messaging.ConnectionManager", 1, "Connection attempt failed.\nSecond line");

        Assert.Equal(["Warning Orleans.Runtime.Messaging.ConnectionManager: Connection attempt failed. (Refused.)"], lines.Written);
    }

    [Fact]
    public void Warnings_OfOneKind_AreCountedForAMinute()
    {
        for (var i = 0; i < 40; i++)
        {
            Warn("Orleans.Runtime.MembershipService.SiloHealthMonitor", 7, $"No answer to probe #{i}.");
        }

        time.Advance(BriefLog.Every);

        Assert.Equal(
            [
                "Warning Orleans.Runtime.MembershipService.SiloHealthMonitor: No answer to probe #0. (Refused.)",
                "Warning Orleans.Runtime.MembershipService.SiloHealthMonitor: 39 more like this: No answer to probe #0. (Refused.)",
            ],
            lines.Written
        );
    }

    [Fact]
    public void Warnings_AfterAMinute_AreWrittenAgain()
    {
        Warn("Orleans.Runtime.A", 1, "One.");
        time.Advance(BriefLog.Every);
        Warn("Orleans.Runtime.A", 1, "Two.");

        Assert.Equal(["Warning Orleans.Runtime.A: One. (Refused.)", "Warning Orleans.Runtime.A: Two. (Refused.)"], lines.Written);
    }

    [Fact]
    public void Warnings_OfOtherKinds_AreWritten()
    {
        Warn("Orleans.Runtime.A", 1, "One.");
        Warn("Orleans.Runtime.A", 2, "Two.");
        Warn("Orleans.Runtime.B", 1, "Three.");

        Assert.Equal(3, lines.Written.Count);
    }

    [Fact]
    public void Counts_WhenTheSiloEndsWithinTheMinute_AreWritten()
    {
        Warn("Orleans.Runtime.A", 1, "One.");
        Warn("Orleans.Runtime.A", 1, "Two.");

        log.Dispose();

        Assert.Equal("Warning Orleans.Runtime.A: 1 more like this: One. (Refused.)", lines.Written[^1]);
    }

    [Theory]
    [InlineData("Orleans.Runtime.Catalog", LogLevel.Error)]
    [InlineData("Slowrun.Grains.Stages.StageRunner", LogLevel.Warning)]
    [InlineData("Microsoft.Hosting.Lifetime", LogLevel.Warning)]
    public void Line_OfAnErrorOrOfAnother_GoesThroughEachTimeWithItsStack(string category, LogLevel level)
    {
        for (var i = 0; i < 2; i++)
        {
            log.CreateLogger(category).Log(level, new EventId(1), "Failed.", Thrown(), (text, _) => text);
        }

        Assert.All(
            lines.Written,
            line => Assert.StartsWith($"{level} {category}: Failed. with System.IO.IOException: Wrapped.", line, StringComparison.Ordinal)
        );
        Assert.Equal(2, lines.Written.Count);
    }

    private static IOException Thrown() => new("Wrapped.", new IOException("Refused.\nAnd so on."));

    private void Warn(string category, int id, string text) =>
        log.CreateLogger(category).Log(LogLevel.Warning, new EventId(id), text, Thrown(), (message, _) => message);

    private sealed class Lines : ILoggerProvider
    {
        public List<string> Written { get; } = [];

        public ILogger CreateLogger(string categoryName) => new Line(categoryName, Written);

        public void Dispose() { }

        private sealed class Line(string category, List<string> written) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => true;

            public void Log<TState>(
                LogLevel logLevel,
                EventId eventId,
                TState state,
                Exception? exception,
                Func<TState, Exception?, string> formatter
            ) => written.Add($"{logLevel} {category}: {formatter(state, exception)}{(exception is null ? "" : $" with {exception}")}");
        }
    }
}
