namespace Slowrun.Core.Commands;

/// <summary>The options of <c>silo</c>: the command line passes them on as they are, and the silo's program reads them.</summary>
public static class SiloCommandOptions
{
    private static readonly List<CommandOption> Declared = [];

    public static CommandOption Slots { get; } = Declare("--slots", "cpu, cpu:N, or cuda:I,cuda:J; default: every CUDA device, else cpu.");

    public static CommandOption Stages { get; } =
        Declare(
            "--stages",
            "How many stages it trains at a time, among which it divides its slots; default: as many as are ready for them. Machines of several devices that share the chains of a run want 1.",
            "N"
        );

    public static CommandOption Clustering { get; } =
        Declare(
            "--clustering",
            "Where the silos find each other: document (in the store; default), azure-table or azure-table=URI (a table of the store's or another storage account, "
                + "for more than about a hundred silos). The store's first silo decides; later silos and clients do not need the option.",
            "document|azure-table[=URI]"
        );

    public static CommandOption Name { get; } = Declare("--name", "The silo's name, as shown to users; default: host name and process id.");

    public static CommandOption Listen { get; } =
        Declare("--listen", "Address that the ports listen on; default: loopback. Only readers of the store get an answer there.");

    public static CommandOption Advertise { get; } =
        Declare("--advertise", "Address that others connect to; default: the one listened on.");

    public static CommandOption Port { get; } = Declare("--port", "Silo port; default: any free one.");

    public static CommandOption GatewayPort { get; } = Declare("--gateway-port", "Gateway port; default: any free one.");

    public static CommandOption ExitWhenIdle { get; } =
        Declare("--exit-when-idle", "Leaves, with exit code 0, when nothing was ready for it for so long (10m); default: never.");

    public static CommandOption StopWithin { get; } =
        Declare("--stop-within", "How long it may take to commit and leave once it is stopped; then the process ends (default: 5m).");

    public static CommandOption Http { get; } =
        Declare(
            "--http",
            "Serves /metrics, /healthz and /readyz (and the page, with --page) at ADDRESS:PORT (a port alone: loopback); default: no port is opened."
        );

    public static CommandOption HttpToken { get; } =
        Declare(
            "--http-token",
            "Opens /metrics and nothing else, for a collector. SLOWRUN_TOKEN opens everything; beyond loopback one of them is needed. Other users can see command lines."
        );

    public static CommandOption Page { get; } =
        Declare(
            "--page",
            "Serves the page: at the address of --http, or, with a PORT, at that port of --listen; default: not at all. Asks for SLOWRUN_TOKEN where that is set.",
            helpName: "PORT",
            valueIsOptional: true
        );

    public static CommandOption Host { get; } =
        Declare("--host", "A name, besides this machine's, that browsers know the page by; may be repeated.", mayRepeat: true);

    public static CommandOption AdvertisePort { get; } =
        Declare("--advertise-port", "Silo port that others connect to, where ports are mapped in between; default: the one listened on.");

    public static CommandOption AdvertiseGatewayPort { get; } =
        Declare("--advertise-gateway-port", "Gateway port that others connect to; default: the one listened on.");

    public static CommandOption Preemption { get; } =
        Declare(
            "--preemption",
            "Whose service to ask whether this machine will end: aws, azure, gcp; auto finds out which one there is; none asks nobody (default). Also SLOWRUN_PREEMPTION.",
            "auto|aws|azure|gcp|none"
        );

    public static CommandOption VmName { get; } =
        Declare("--vm-name", "Azure: this machine's name in events; default: what the metadata service says.");

    public static CommandOption Imds { get; } =
        Declare("--imds", "The metadata service's address; default: http://169.254.169.254/. Also SLOWRUN_IMDS.");

    public static CommandOption ImdsVersion { get; } =
        Declare("--imds-version", "Azure: version of the Scheduled Events API; default: 2020-07-01.");

    public static CommandOption ImdsInterval { get; } = Declare("--imds-interval", "Time between two requests; default: 1s.");

    /// <summary>All of them, in the order of the help.</summary>
    public static IReadOnlyList<CommandOption> All => Declared;

    private static CommandOption Declare(
        string name,
        string description,
        string? helpName = null,
        bool valueIsOptional = false,
        bool mayRepeat = false
    )
    {
        var option = new CommandOption(name, description)
        {
            HelpName = helpName,
            ValueIsOptional = valueIsOptional,
            MayRepeat = mayRepeat,
        };
        Declared.Add(option);
        return option;
    }
}
