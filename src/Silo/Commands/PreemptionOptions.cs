using System.CommandLine;
using Slowrun.Core.Commands;
using Slowrun.Core.Specs;
using Slowrun.Silo.Preemption;

namespace Slowrun.Silo.Commands;

/// <summary>The options of <c>silo</c> for preemption notices.</summary>
internal sealed class PreemptionOptions(Command command)
{
    private const string Azure = "azure";
    private const string Off = "off";

    private readonly Option<string> platform = command.Take(
        SiloCommandOptions.Preemption,
        () => Environment.GetEnvironmentVariable("SLOWRUN_PREEMPTION") is { Length: > 0 } given ? given : Off
    );
    private readonly Option<string?> vmName = command.Take<string?>(SiloCommandOptions.VmName);
    private readonly Option<string?> address = command.Take<string?>(SiloCommandOptions.Imds);
    private readonly Option<string?> apiVersion = command.Take<string?>(SiloCommandOptions.ImdsVersion);
    private readonly Option<string?> interval = command.Take<string?>(SiloCommandOptions.ImdsInterval);

    /// <returns>Null where no service is to be asked.</returns>
    /// <exception cref="FormatException">Says what was found and what is expected.</exception>
    public ScheduledEventsOptions? Read(ParseResult parsed)
    {
        var defaults = new ScheduledEventsOptions();
        return parsed.GetRequiredValue(platform) switch
        {
            Off => null,
            Azure => new ScheduledEventsOptions
            {
                VmName = parsed.GetValue(vmName),
                Address = parsed.GetValue(address) is { } given ? Address(given) : defaults.Address,
                ApiVersion = parsed.GetValue(apiVersion) ?? defaults.ApiVersion,
                Interval = parsed.GetValue(interval) is { } text ? Interval(text) : defaults.Interval,
            },
            var other => throw new FormatException($"--preemption (or SLOWRUN_PREEMPTION) is '{other}'; expected {Azure} or {Off}."),
        };
    }

    private static Uri Address(string text) =>
        Uri.TryCreate(text.TrimEnd('/') + "/", UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
            ? address
            : throw new FormatException($"--imds '{text}' is no address; expected for example http://169.254.169.254/.");

    private static TimeSpan Interval(string text) =>
        Duration.TryParse(text, out var interval) && interval > TimeSpan.Zero
            ? interval
            : throw new FormatException($"--imds-interval '{text}' is no time above 0; expected for example 1s.");
}
