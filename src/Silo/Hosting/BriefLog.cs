using System.Globalization;

namespace Slowrun.Silo.Hosting;

/// <summary>
/// Shortens Orleans' warnings about vanished machines: every probe of, and every connection to, a silo that is gone is a warning with a
/// stack trace. The first of a kind is written at once, with its cause in words; those of the same kind are counted for a minute, and the
/// count is written. Errors, and what others write, go through as they are. Safe to use from any thread.
/// </summary>
/// <param name="inner">Writes it.</param>
[ProviderAlias("Console")]
internal sealed class BriefLog(ILoggerProvider inner, TimeProvider time) : ILoggerProvider, ISupportExternalScope
{
    public static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    // A line of a terminal or two; Orleans prints whole messages in it.
    private const int MostCharacters = 240;

    private readonly Lock gate = new();
    private readonly Dictionary<(string Category, int Event), Kind> told = [];

    public ILogger CreateLogger(string categoryName)
    {
        var logger = inner.CreateLogger(categoryName);
        return categoryName.StartsWith("Orleans.", StringComparison.Ordinal) ? new Brief(this, categoryName, logger) : logger;
    }

    public void SetScopeProvider(IExternalScopeProvider scopeProvider) => (inner as ISupportExternalScope)?.SetScopeProvider(scopeProvider);

    public void Dispose()
    {
        (string, int)[] kinds;
        lock (gate)
        {
            kinds = [.. told.Keys];
        }

        Array.ForEach(kinds, TellCount);
        inner.Dispose();
    }

    private bool IsFirst((string Category, int Event) key, ILogger logger, string text)
    {
        lock (gate)
        {
            if (told.TryGetValue(key, out var kind) && time.GetElapsedTime(kind.ToldAt) is var elapsed && elapsed < Every)
            {
                kind.Untold++;
                kind.End ??= time.CreateTimer(_ => TellCount(key), null, Every - elapsed, Timeout.InfiniteTimeSpan);
                return false;
            }

            // Its timer is late: the count waits for the end of the minute that begins.
            kind?.End?.Change(Every, Timeout.InfiniteTimeSpan);
            told[key] = new Kind(logger, text, time.GetTimestamp()) { Untold = kind?.Untold ?? 0, End = kind?.End };
            return true;
        }
    }

    /// <summary>Writes how many more there were of a kind, when its minute or the silo ends.</summary>
    private void TellCount((string Category, int Event) key)
    {
        Kind? kind;
        lock (gate)
        {
            if (!told.Remove(key, out kind))
            {
                return;
            }

            kind.End?.Dispose();
        }

        if (kind.Untold > 0)
        {
            Write(
                kind.Logger,
                LogLevel.Warning,
                default,
                string.Create(CultureInfo.InvariantCulture, $"{kind.Untold} more like this: {kind.Text}")
            );
        }
    }

    private static void Write(ILogger logger, LogLevel level, EventId eventId, string text) =>
        logger.Log(level, eventId, text, null, static (text, _) => text);

    private static string Shortened(string text, Exception? e)
    {
        var cause = e is null ? "" : $" ({FirstLine(e.GetBaseException().Message)})";
        return FirstLine(text) + cause;
    }

    private static string FirstLine(string text)
    {
        var line = text.AsSpan().Trim();
        line = line.IndexOfAny('\r', '\n') is >= 0 and var end ? line[..end] : line;
        return line.Length <= MostCharacters ? line.ToString() : $"{line[..MostCharacters]}…";
    }

    private sealed class Kind(ILogger logger, string text, long toldAt)
    {
        public ILogger Logger => logger;

        public string Text => text;

        public long ToldAt => toldAt;

        public int Untold { get; set; }

        /// <summary>Rings when the minute is over; null while there is nothing to count.</summary>
        public ITimer? End { get; set; }
    }

    private sealed class Brief(BriefLog log, string category, ILogger logger) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => logger.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => logger.IsEnabled(logLevel);

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        )
        {
            if (logLevel > LogLevel.Warning)
            {
                logger.Log(logLevel, eventId, state, exception, formatter);
                return;
            }

            var text = Shortened(formatter(state, exception), exception);
            if (log.IsFirst((category, eventId.Id), logger, text))
            {
                Write(logger, logLevel, eventId, text);
            }
        }
    }
}
