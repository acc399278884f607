using System.CommandLine;
using System.Net;
using Slowrun.Clustering.Membership;
using Slowrun.Core;
using Slowrun.Core.Commands;
using Slowrun.Core.Specs;
using Slowrun.Silo.Hosting;
using Slowrun.Silo.Http;

namespace Slowrun.Silo.Commands;

/// <summary><c>silo</c>: serves a store until told to stop.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var store = new Option<string>("--store")
        {
            Description = "A directory, azblob://account/container, s3://bucket/prefix, or gs://bucket/prefix.",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("SLOWRUN_STORE") ?? ".slowrun",
        };
        var log = new Option<string?>("--log")
        {
            Description = "Also writes its log to this file; its process id and '.log' are added to the name.",
        };
        var parentPipe = new Option<bool>("--parent-pipe") { Description = "Commit and stop at the end of standard input." };
        var command = new Command("silo", "Serves a store until told to stop.") { store, log, parentPipe };
        var slots = command.Take<string?>(SiloCommandOptions.Slots);
        var stages = command.Take<int?>(SiloCommandOptions.Stages);
        var clustering = command.Take<string?>(SiloCommandOptions.Clustering);
        var name = command.Take<string?>(SiloCommandOptions.Name);
        var listen = command.Take(SiloCommandOptions.Listen, () => "127.0.0.1");
        var advertise = command.Take<string?>(SiloCommandOptions.Advertise);
        var port = command.Take<int>(SiloCommandOptions.Port);
        var gatewayPort = command.Take<int>(SiloCommandOptions.GatewayPort);
        var exitWhenIdle = command.Take<string?>(SiloCommandOptions.ExitWhenIdle);
        var stopWithin = command.Take<string?>(SiloCommandOptions.StopWithin);
        var http = command.Take<string?>(SiloCommandOptions.Http);
        var httpToken = command.Take<string?>(SiloCommandOptions.HttpToken);
        var page = command.Take<int?>(SiloCommandOptions.Page);
        var host = command.Take<string[]?>(SiloCommandOptions.Host);
        var advertisePort = command.Take<int?>(SiloCommandOptions.AdvertisePort);
        var advertiseGatewayPort = command.Take<int?>(SiloCommandOptions.AdvertiseGatewayPort);
        var preemption = new PreemptionOptions(command);
        command.SetAction(
            async (parsed, cancellation) =>
            {
                try
                {
                    LogCopy.Begin(parsed.GetValue(log));
                    var settings = new SiloSettings
                    {
                        Store = parsed.GetRequiredValue(store),
                        Clustering = ClusterPlace.Parse(parsed.GetValue(clustering)),
                        Slots = SlotNames.Parse(parsed.GetValue(slots), Environment.ProcessorCount, CudaDevices.Count),
                        Stages = AtLeastOne("--stages", parsed.GetValue(stages)),
                        Listen = Address("--listen", parsed.GetRequiredValue(listen))!,
                        Advertise = Address("--advertise", parsed.GetValue(advertise)),
                        SiloPort = parsed.GetValue(port),
                        GatewayPort = parsed.GetValue(gatewayPort),
                        ExitWhenIdle = Time("--exit-when-idle", parsed.GetValue(exitWhenIdle)),
                        StopWithin = Time("--stop-within", parsed.GetValue(stopWithin)) ?? ClusterTuning.Deactivation,
                        Http = HttpSettings.Parse(
                            new HttpArguments
                            {
                                Http = parsed.GetValue(http),
                                HttpToken = parsed.GetValue(httpToken),
                                Token = Environment.GetEnvironmentVariable("SLOWRUN_TOKEN") is { Length: > 0 } token ? token : null,
                                Page = parsed.GetResult(page) is not null,
                                PagePort = parsed.GetValue(page),
                                Listen = Address("--listen", parsed.GetRequiredValue(listen))!,
                                HostNames = parsed.GetValue(host) ?? [],
                            }
                        ),
                        AdvertiseSiloPort = Port("--advertise-port", parsed.GetValue(advertisePort)),
                        AdvertiseGatewayPort = Port("--advertise-gateway-port", parsed.GetValue(advertiseGatewayPort)),
                        ParentPipe = parsed.GetValue(parentPipe),
                        Preemption = preemption.Read(parsed),
                    };
                    await SiloHost.RunAsync(parsed.GetValue(name) is { } given ? settings with { Name = given } : settings, cancellation);
                    return 0;
                }
                catch (Exception e) when (e is FormatException or ArgumentException)
                {
                    await Console.Error.WriteLineAsync($"slowrun silo: {e.Message}");
                    return 2;
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or NotPossibleException)
                {
                    await Console.Error.WriteLineAsync($"slowrun silo: {e.Message}");
                    return 1;
                }
            }
        );
        return command;
    }

    private static TimeSpan? Time(string option, string? text) =>
        text is null ? null
        : Duration.TryParse(text, out var time) && time > TimeSpan.Zero ? time
        : throw new FormatException($"{option} '{text}' is no time above 0; expected for example 10m.");

    private static int? AtLeastOne(string option, int? number) =>
        number is null or > 0 ? number : throw new FormatException($"{option}: found {number}, expected 1 or more.");

    private static int? Port(string option, int? port) =>
        port is null or (> 0 and <= IPEndPoint.MaxPort)
            ? port
            : throw new FormatException($"{option} {port} is no port; expected 1 to {IPEndPoint.MaxPort}.");

    private static IPAddress? Address(string option, string? text) =>
        text is null ? null
        : IPAddress.TryParse(text, out var address) ? address
        : throw new FormatException($"{option} '{text}' is no IP address; expected for example 127.0.0.1 or 10.0.0.4.");
}
