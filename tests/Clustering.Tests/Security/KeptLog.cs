using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Slowrun.Clustering.Tests.Security;

/// <summary>Every line that a silo logs.</summary>
internal sealed class KeptLog : ILoggerProvider
{
    // The watchdog takes the machine's uptime for a delay, which a silo's host filters out; the monitor tells of a machine that is busy.
    private static readonly string[] OfTheMachine =
    [
        "Orleans.Runtime.Watchdog",
        "Orleans.Runtime.MembershipService.LocalSiloHealthMonitor",
    ];

    public ConcurrentQueue<string> Lines { get; } = new();

    /// <summary>Without what Orleans says of the machine.</summary>
    public IReadOnlyList<string> Told =>
        [.. Lines.Where(line => !OfTheMachine.Any(category => line.Contains(category, StringComparison.Ordinal)))];

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public ILogger<T> Of<T>() => new Typed<T>(CreateLogger(typeof(T).Name));

    public void Dispose() { }

    private sealed class Logger(KeptLog log, string category) : ILogger
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
        ) => log.Lines.Enqueue($"{logLevel} {category}: {formatter(state, exception)} {exception}".TrimEnd());
    }

    private sealed class Typed<T>(ILogger inner) : ILogger<T>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => inner.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        ) => inner.Log(logLevel, eventId, state, exception, formatter);
    }
}
