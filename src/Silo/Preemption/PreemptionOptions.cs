using System.CommandLine;
using Slowrun.Core.Specs;

namespace Slowrun.Silo.Preemption;

/// <summary>The options of <c>silo</c> that say who is asked for preemption notices.</summary>
internal sealed class PreemptionOptions
{
    private const string Azure = "azure";
    private const string Off = "off";

    private readonly Option<string> platform = new("--preemption")
    {
        Description = "azure: ask Scheduled Events whether this machine goes away; off. Also SLOWRUN_PREEMPTION.",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable("SLOWRUN_PREEMPTION") is { Length: > 0 } given ? given : Off,
    };

    private readonly Option<string?> vmName = new("--vm-name")
    {
        Description = "As events name this machine; default: what the metadata service says.",
    };
    private readonly Option<string?> address = new("--imds")
    {
        Description = "The metadata service's address; default: http://169.254.169.254/.",
    };
    private readonly Option<string?> apiVersion = new("--imds-version")
    {
        Description = "Of the Scheduled Events API; default: 2020-07-01.",
    };
    private readonly Option<string?> interval = new("--imds-interval") { Description = "Between two questions; default: 1s." };

    public IReadOnlyList<Option> All => [platform, vmName, address, apiVersion, interval];

    /// <returns>Null where nobody is to be asked.</returns>
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
