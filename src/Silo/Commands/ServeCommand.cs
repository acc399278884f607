using System.CommandLine;
using System.Net;
using Slowrun.Clustering.Hosting;
using Slowrun.Clustering.Membership;
using Slowrun.Core.Specs;
using Slowrun.Silo.Hosting;
using Slowrun.Silo.Http;
using Slowrun.Silo.Preemption;
using Slowrun.Web.Hosting;

namespace Slowrun.Silo.Commands;

/// <summary><c>silo</c>: serves a store until told to stop.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var store = new Option<string>("--store")
        {
            Description = "A directory, or azblob://account/container.",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("SLOWRUN_STORE") ?? ".slowrun",
        };
        var clustering = new Option<string?>("--clustering")
        {
            Description =
                "Where the silos find each other: document (in the store; default), azure-table or azure-table=URI (a table of the store's or another storage account, "
                + "for more than about a hundred silos). The store's first silo decides; others and clients need not be told.",
        };
        var slots = new Option<string?>("--slots") { Description = "cpu, cpu:N, or cuda:I,cuda:J (default: every CUDA device, else cpu)." };
        var name = new Option<string?>("--name") { Description = "What people see; default: host name and process id." };
        var listen = new Option<string>("--listen")
        {
            Description = "Address that the ports listen on. Only who can read the store gets an answer there.",
            DefaultValueFactory = _ => "127.0.0.1",
        };
        var advertise = new Option<string?>("--advertise") { Description = "Address told to others (default: the one listened on)." };
        var port = new Option<int>("--port") { Description = "Silo port; 0: any free one." };
        var gatewayPort = new Option<int>("--gateway-port") { Description = "Gateway port; 0: any free one." };
        var exitWhenIdle = new Option<string?>("--exit-when-idle")
        {
            Description = "Leaves, with exit code 0, when nothing was ready for it for so long (10m); default: never.",
        };
        var stopWithin = new Option<string?>("--stop-within")
        {
            Description = "How long it may take to commit and leave when told to stop; then it ends as it is (default: 5m).",
        };
        var http = new Option<string?>("--http")
        {
            Description = "Serves /metrics, /healthz and /readyz at ADDRESS:PORT (a port alone: loopback); default: no port is opened.",
        };
        var httpToken = new Option<string?>("--http-token")
        {
            Description =
                "What --http asks for, but for health; needed beyond loopback. Better in SLOWRUN_TOKEN: others see a command line.",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("SLOWRUN_TOKEN") is { Length: > 0 } given ? given : null,
        };
        var page = new Option<int?>("--page")
        {
            Description =
                "Serves the page at this port of --listen; 0: any free one; default: not at all. Asks for SLOWRUN_TOKEN where that is set, which it must be beyond loopback.",
        };
        var advertisePort = new Option<int?>("--advertise-port")
        {
            Description = "Silo port told to others, where something between maps ports (default: the one listened on).",
        };
        var advertiseGatewayPort = new Option<int?>("--advertise-gateway-port")
        {
            Description = "Gateway port told to others (default: the one listened on).",
        };
        var log = new Option<string?>("--log")
        {
            Description = "Writes what it says to this file too; its process id and '.log' are added to the name.",
        };
        var parentPipe = new Option<bool>("--parent-pipe") { Description = "Commit and stop at the end of standard input." };

        var preemption = new PreemptionOptions();

        var command = new Command("silo", "Serves a store until told to stop.")
        {
            store,
            clustering,
            slots,
            name,
            listen,
            advertise,
            port,
            gatewayPort,
            advertisePort,
            advertiseGatewayPort,
            exitWhenIdle,
            stopWithin,
            http,
            httpToken,
            page,
            log,
            parentPipe,
        };
        preemption.All.ToList().ForEach(command.Options.Add);
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
                        Slots = SlotNames.Parse(parsed.GetValue(slots), Environment.ProcessorCount, CudaDevices.Count()),
                        Listen = Address("--listen", parsed.GetRequiredValue(listen))!,
                        Advertise = Address("--advertise", parsed.GetValue(advertise)),
                        SiloPort = parsed.GetValue(port),
                        GatewayPort = parsed.GetValue(gatewayPort),
                        ExitWhenIdle = Time("--exit-when-idle", parsed.GetValue(exitWhenIdle)),
                        StopWithin = Time("--stop-within", parsed.GetValue(stopWithin)) ?? ClusterTuning.Deactivation,
                        Http = HttpSettings.Parse(parsed.GetValue(http), parsed.GetValue(httpToken)),
                        Page = Page(parsed.GetValue(page), Address("--listen", parsed.GetRequiredValue(listen))!),
                        AdvertiseSiloPort = Port("--advertise-port", parsed.GetValue(advertisePort)),
                        AdvertiseGatewayPort = Port("--advertise-gateway-port", parsed.GetValue(advertiseGatewayPort)),
                        ParentPipe = parsed.GetValue(parentPipe),
                        ScheduledEvents = preemption.Read(parsed),
                    };
                    await SiloHost.RunAsync(parsed.GetValue(name) is { } given ? settings with { Name = given } : settings, cancellation);
                    return 0;
                }
                catch (Exception e) when (e is FormatException or ArgumentException)
                {
                    await Console.Error.WriteLineAsync($"slowrun silo: {e.Message}");
                    return 2;
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
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

    /// <exception cref="ArgumentException">Anybody could read it.</exception>
    private static PageOptions? Page(int? port, IPAddress listen)
    {
        if (port is not { } given)
        {
            return null;
        }

        var options = new PageOptions
        {
            Listen = listen,
            Port = given,
            Token = Environment.GetEnvironmentVariable("SLOWRUN_TOKEN") is { Length: > 0 } token ? token : null,
        };
        options.Check();
        return options;
    }

    private static int? Port(string option, int? port) =>
        port is null or (> 0 and <= IPEndPoint.MaxPort)
            ? port
            : throw new FormatException($"{option} {port} is no port; expected 1 to {IPEndPoint.MaxPort}.");

    private static IPAddress? Address(string option, string? text) =>
        text is null ? null
        : IPAddress.TryParse(text, out var address) ? address
        : throw new FormatException($"{option} '{text}' is no IP address; expected for example 127.0.0.1 or 10.0.0.4.");
}
