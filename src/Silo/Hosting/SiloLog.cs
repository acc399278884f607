using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;

namespace Slowrun.Silo.Hosting;

/// <summary>A silo's log: its own messages, and those of the libraries that it does not report itself.</summary>
internal static class SiloLog
{
    public static void AddSiloLog(this ILoggingBuilder logging)
    {
        logging.ClearProviders();
        if (Environment.GetEnvironmentVariable("JOURNAL_STREAM") is { Length: > 0 })
        {
            // The journal has its own clock, and reads a line's level from its beginning.
            logging.AddSystemdConsole();
        }
        else
        {
            logging.AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.UseUtcTimestamp = true;
                console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
                console.ColorBehavior = LoggerColorBehavior.Disabled;
            });
        }

        Shorten(logging.Services);

        // Orleans logs a great deal at Information; failures are at Warning.
        foreach (var library in new[] { "Orleans", "Microsoft", "Polly" })
        {
            logging.AddFilter(library, LogLevel.Warning);
        }

        // Each connection that is refused, with a stack; the silo's own line about strangers says it, and not too often.
        logging.AddFilter("Orleans.Connections.Security", LogLevel.None);
        // Each client that has its answer and ends, where the silo had more for it. Of machines that are gone the membership tells.
        logging.AddFilter("Orleans.Runtime.Messaging.Connection", LogLevel.Error);
        // A filter is for all names that begin like it: this one tells whom the silo cannot reach.
        logging.AddFilter("Orleans.Runtime.Messaging.ConnectionManager", LogLevel.Warning);
        // At every start it takes the machine's uptime for a delay of its first check.
        logging.AddFilter("Orleans.Runtime.Watchdog", LogLevel.Error);
        // Every conflict of a root's write, once by the provider and once by Orleans under the provider's name, each with a stack. The
        // commit protocol settles conflicts; it throws whatever else there is, with the store's own words.
        logging.AddFilter("Orleans.Storage", LogLevel.None);
        logging.AddFilter("Slowrun.Clustering.Persistence", LogLevel.None);
    }

    /// <summary>Puts <see cref="BriefLog"/> between the loggers and the console.</summary>
    private static void Shorten(IServiceCollection services)
    {
        services.Remove(
            services.Single(service =>
                service.ServiceType == typeof(ILoggerProvider) && service.ImplementationType == typeof(ConsoleLoggerProvider)
            )
        );
        services.AddSingleton<ILoggerProvider>(provider => new BriefLog(
            new ConsoleLoggerProvider(
                provider.GetRequiredService<IOptionsMonitor<ConsoleLoggerOptions>>(),
                provider.GetServices<ConsoleFormatter>()
            ),
            TimeProvider.System
        ));
    }
}
