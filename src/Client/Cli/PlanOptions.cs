using System.CommandLine;
using System.Globalization;
using Slowrun.Core.Specs;

namespace Slowrun.Client.Cli;

/// <summary>What <c>slowrun plan</c> is told of machines.</summary>
internal sealed class PlanOptions
{
    public Option<string?> Machines { get; } =
        new("--machines")
        {
            Description =
                "A YAML file of machine sizes with prices and eviction rates, instead of those that come with the program (--show-machines).",
            HelpName = "FILE",
        };

    public Option<bool> ShowMachines { get; } =
        new("--show-machines") { Description = "Prints the file of machine sizes, to be copied and edited." };

    public Option<string?> Size { get; } =
        new("--size") { Description = $"The machines' size; default: {DefaultSize}, or the file's first.", HelpName = "NAME" };

    public Option<int?> Fleet { get; } = new("--fleet") { Description = "How many machines; default: one a chain.", HelpName = "N" };

    public Option<int?> Stages { get; } =
        new("--stages-per-machine")
        {
            Description = "How many stages a machine trains at a time, as 'silo --stages'; default: as many as are ready for its devices.",
            HelpName = "N",
        };

    public Option<bool> OnDemand { get; } =
        new("--on-demand") { Description = "Machines at the list price, which are not evicted; default: spot." };

    public Option<double?> Price { get; } = new("--price") { Description = "What a machine costs in an hour.", HelpName = "N" };

    public Option<double?> StorePrice { get; } =
        new("--store-price") { Description = "What the store takes for a gigabyte (1e9 bytes) in a month.", HelpName = "N" };

    public Option<double?> Evictions { get; } =
        new("--evictions-per-hour") { Description = "How often one machine is evicted in an hour, on average.", HelpName = "N" };

    public Option<string?> Speed { get; } =
        new("--tokens-per-second")
        {
            Description =
                "Training tokens that one slot does in a second, as a mean over the run; or run:NAME: what a run of the store did, and what its restores, losses and checkpoints took. Default: an estimate.",
            HelpName = "N|run:NAME",
        };

    public Option<double> Utilization { get; } =
        new("--mfu")
        {
            Description = "Share of a device's peak that training comes to, for the estimate of its speed.",
            HelpName = "SHARE",
            DefaultValueFactory = _ => 0.3,
        };

    public Option<string?> Boot { get; } = Time("--boot", "From a machine's order until it looks for work; default: 5m.");

    public Option<string?> Notice { get; } = Time("--notice", "From an eviction's announcement to the machine's end; default: 30s.");

    public Option<string?> ExitWhenIdle { get; } =
        Time("--exit-when-idle", "A machine for which nothing is ready for so long ends; default: 10m, as infra/ has it.");

    public Option<string> Upload { get; } =
        new("--upload-rate")
        {
            Description = "How fast a silo writes to the store, and reads from it.",
            HelpName = "RATE",
            DefaultValueFactory = _ => "100MB/s",
        };

    public Option<string[]> Assume { get; } =
        new("--assume")
        {
            Description =
                "Changes what else is assumed; may be repeated. Times: detection, take, restore, stall, commit, average, replaced; shares: announced, scaling. The output names each.",
            HelpName = "NAME=VALUE",
        };

    public Option<string?> Deadline { get; } = Time("--deadline", "Also finds the cheapest fleet of which nine in ten finish in so long.");

    public Option<FileInfo?> Png { get; } =
        new("--png") { Description = "Also draws what other fleets take and cost into a picture.", HelpName = "FILE.png" };

    public Option<int?> Replications { get; } =
        new("--replications")
        {
            Description = "How often the run is simulated; default: 100, fewer for hundreds of stages or machines.",
            HelpName = "N",
        };

    public Option<int> Seed { get; } =
        new("--seed")
        {
            Description = "Decides all that happens at random.",
            HelpName = "N",
            DefaultValueFactory = _ => 7,
        };

    public Option<string[]> Replay { get; } =
        new("--replay")
        {
            Description =
                "Instead: simulates runs that 'chaos -o json' recorded, on machines that are lost as they were, and compares finish and goodput with what happened.",
            HelpName = "FILE",
            AllowMultipleArgumentsPerToken = true,
        };

    public const string DefaultSize = "Standard_NC40ads_H100_v5";

    /// <summary>Whether something was said that holds for machines of one size: others are not compared with them then.</summary>
    public bool IsOfOneSize(ParseResult parsed) =>
        parsed.GetValue(Size) is not null
        || parsed.GetValue(Price) is not null
        || parsed.GetValue(Evictions) is not null
        || parsed.GetValue(Speed) is not null;

    public void AddTo(Command command)
    {
        Between(Fleet, 1, 100_000);
        Between(Stages, 1, 64);
        Between(Replications, 1, 100_000);
        AtLeastZero(Price);
        AtLeastZero(StorePrice);
        AtLeastZero(Evictions);
        Utilization.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is not (> 0 and <= 1))
            {
                result.AddError("--mfu: expected a share above 0 and up to 1.");
            }
        });
        Upload.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string>() is { } given && ByteRate.TryParse(given) is null)
            {
                result.AddError($"--upload-rate: found '{given}', {ByteRate.Expected}.");
            }
        });
        foreach (
            var option in (Option[])
                [
                    Machines,
                    ShowMachines,
                    Size,
                    Fleet,
                    Stages,
                    OnDemand,
                    Price,
                    StorePrice,
                    Evictions,
                    Speed,
                    Utilization,
                    Boot,
                    Notice,
                    ExitWhenIdle,
                    Upload,
                    Assume,
                    Deadline,
                    Png,
                    Replications,
                    Seed,
                    Replay,
                ]
        )
        {
            command.Options.Add(option);
        }
    }

    /// <summary>The time that was given; null: none was.</summary>
    public static double? Seconds(ParseResult parsed, Option<string?> option) =>
        parsed.GetValue(option) is { } text && Duration.TryParse(text, out var time) ? time.TotalSeconds : null;

    private static Option<string?> Time(string name, string description)
    {
        var option = new Option<string?>(name) { Description = description, HelpName = "TIME" };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is { } text && !Duration.TryParse(text, out _))
            {
                result.AddError($"{name}: found '{text}', expected a time such as 30s, 5m or 1h30m.");
            }
        });
        return option;
    }

    private static void Between(Option<int?> option, int least, int most) =>
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is { } number && (number < least || number > most))
            {
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"{option.Name}: expected {least} to {most}."));
            }
        });

    private static void AtLeastZero(Option<double?> option) =>
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double?>() is { } number && !(number >= 0 && double.IsFinite(number)))
            {
                result.AddError($"{option.Name}: expected a number, 0 or more.");
            }
        });
}
