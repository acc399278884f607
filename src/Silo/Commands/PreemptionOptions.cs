using System.CommandLine;
using Slowrun.Core.Commands;
using Slowrun.Core.Specs;
using Slowrun.Silo.Preemption;

namespace Slowrun.Silo.Commands;

/// <summary>The options of <c>silo</c> for preemption notices.</summary>
internal sealed class PreemptionOptions(Command command)
{
    /// <summary>Stands for <see cref="SiloCommandOptions.Preemption"/>.</summary>
    public const string Variable = "SLOWRUN_PREEMPTION";

    /// <summary>Stands for <see cref="SiloCommandOptions.Imds"/>.</summary>
    public const string AddressVariable = "SLOWRUN_IMDS";

    private readonly Option<string?> platform = command.Take<string?>(SiloCommandOptions.Preemption);
    private readonly Option<string?> vmName = command.Take<string?>(SiloCommandOptions.VmName);
    private readonly Option<string?> address = command.Take<string?>(SiloCommandOptions.Imds);
    private readonly Option<string?> apiVersion = command.Take<string?>(SiloCommandOptions.ImdsVersion);
    private readonly Option<string?> interval = command.Take<string?>(SiloCommandOptions.ImdsInterval);

    /// <returns>Null where no service is to be asked.</returns>
    /// <exception cref="FormatException">Says what was found and what is expected.</exception>
    public PreemptionSettings? Read(ParseResult parsed)
    {
        if (Settings(parsed.GetValue(platform), parsed.GetValue(address)) is not { } settings)
        {
            return null;
        }

        foreach (var option in new Option[] { vmName, apiVersion })
        {
            if (settings.Platform is Platform.Aws or Platform.Gcp && parsed.GetResult(option) is not null)
            {
                throw new FormatException($"{option.Name} is Azure's, and --preemption names another platform; leave it out.");
            }
        }

        var service = settings.Service;
        return settings with
        {
            Service = service with
            {
                VmName = parsed.GetValue(vmName),
                ApiVersion = parsed.GetValue(apiVersion) ?? service.ApiVersion,
                Interval = parsed.GetValue(interval) is { } text ? Interval(text) : service.Interval,
            },
        };
    }

    /// <summary>What the environment says where the options say nothing.</summary>
    /// <exception cref="FormatException">Says what was found and what is expected.</exception>
    public static PreemptionSettings? Settings(string? platform = null, string? address = null)
    {
        var service = new MetadataOptions();
        if ((address ?? Environment.GetEnvironmentVariable(AddressVariable)) is { Length: > 0 } given)
        {
            service = service with { Address = Address(given) };
        }

        var name = platform ?? (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } variable ? variable : "none");
        return name switch
        {
            "none" or "off" => null,
            "auto" => new PreemptionSettings(Platform.Auto, service),
            "aws" => new PreemptionSettings(Platform.Aws, service),
            "azure" => new PreemptionSettings(Platform.Azure, service),
            "gcp" => new PreemptionSettings(Platform.Gcp, service),
            _ => throw new FormatException($"--preemption (or {Variable}) is '{name}'; expected auto, aws, azure, gcp or none."),
        };
    }

    private static Uri Address(string text) =>
        Uri.TryCreate(text.TrimEnd('/') + "/", UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
            ? address
            : throw new FormatException(
                $"--imds (or {AddressVariable}) '{text}' is no address; expected for example http://169.254.169.254/."
            );

    private static TimeSpan Interval(string text) =>
        Duration.TryParse(text, out var interval) && interval > TimeSpan.Zero
            ? interval
            : throw new FormatException($"--imds-interval '{text}' is no time above 0; expected for example 1s.");
}
