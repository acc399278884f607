using System.CommandLine;

namespace Slowrun.Client.Cli;

/// <summary>Options that several commands share, made anew for each command line.</summary>
internal sealed class CommonOptions
{
    public Option<string> Store { get; } =
        new("--store")
        {
            Description =
                "The store: a directory, azblob://account/container, s3://bucket/prefix, or gs://bucket/prefix. Also SLOWRUN_STORE.",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("SLOWRUN_STORE") is { Length: > 0 } given ? given : ".slowrun",
            HelpName = "STORE",
            Recursive = true,
        };

    public Option<bool> Verbose { get; } =
        new("--verbose")
        {
            Description = "With an error, also show what caused it. With 'slowrun --help', a line for each command.",
            Recursive = true,
        };

    public static Option<OutputFormat> Output() => Formats("json: for programs.", "text", "json");

    /// <summary>For commands that print a table.</summary>
    public static Option<OutputFormat> TableOutput() =>
        Formats("wide: a table with every column. json, csv: for programs.", "text", "wide", "json", "csv");

    /// <summary>For commands whose table fits only programs as CSV.</summary>
    public static Option<OutputFormat> CsvOutput() => Formats("json, csv: for programs.", "text", "json", "csv");

    public static Argument<string> Run() => new("RUN") { Description = "A run's name." };

    /// <param name="chains">Whether a chain may be named too.</param>
    public static Argument<string> Target(bool chains = false) =>
        chains
            ? new("RUN[/STAGE]") { Description = "A run's name, one of its stages: demo/chain0/stage1, or all of a chain: demo/chain0." }
            : new("RUN[/STAGE]") { Description = "A run's name, or one of its stages: demo/chain0/stage1." };

    private static Option<OutputFormat> Formats(string description, params string[] names)
    {
        var option = new Option<OutputFormat>("--output", "-o") { Description = description, HelpName = string.Join('|', names) };
        return option.AcceptOnlyFromAmong(names);
    }
}
