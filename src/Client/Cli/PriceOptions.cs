using System.CommandLine;
using System.Globalization;
using Slowrun.Core.Simulation;
using Slowrun.Reading.Costs;

namespace Slowrun.Client.Cli;

/// <summary>What machines cost, for commands that show what a run did: of the same file as those of <c>plan</c>.</summary>
internal sealed class PriceOptions
{
    private readonly Option<double?> price = new("--price")
    {
        Description = "What a machine costs in an hour: the run's cost so far and expected is shown too.",
        HelpName = "N",
    };

    private readonly Option<string?> size = new("--size")
    {
        Description = "The machines' size, for a price of 'slowrun plan --show-machines', spot.",
        HelpName = "NAME",
    };

    private readonly Option<bool> onDemand = new("--on-demand") { Description = "With --size: its list price." };

    private readonly Option<string?> machines = new(MachineFile.Option)
    {
        Description = "With --size: a YAML file of sizes and prices instead of the one that comes with the program.",
        HelpName = "FILE",
    };

    private readonly Option<int?> stages = new("--stages-per-machine")
    {
        Description = "Stages that a machine trains at a time, among which its price is divided; default: the size's devices, else 1.",
        HelpName = "N",
    };

    public PriceOptions()
    {
        price.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double?>() is { } number && !(number >= 0 && double.IsFinite(number)))
            {
                result.AddError("--price: expected a number, 0 or more.");
            }
        });
        stages.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is { } number && number is < 1 or > 64)
            {
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"--stages-per-machine: found {number}, expected 1 to 64."));
            }
        });
    }

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[price, size, onDemand, machines, stages])
        {
            command.Options.Add(option);
        }
    }

    /// <returns>Null: none was given.</returns>
    /// <exception cref="Core.NotFoundException">There is no such file, or no such size in it.</exception>
    /// <exception cref="CliException">Something was given that says nothing without a size or a price.</exception>
    public async Task<MachinePrice?> ReadAsync(ParseResult parsed, CancellationToken stop)
    {
        var (given, name) = (parsed.GetValue(price), parsed.GetValue(size));
        if (name is null)
        {
            var idle =
                parsed.GetValue(machines) is not null ? MachineFile.Option
                : parsed.GetValue(onDemand) ? onDemand.Name
                : parsed.GetValue(stages) is not null && given is null ? stages.Name
                : null;
            return idle is not null
                    ? throw new CliException(
                        ExitCode.Usage,
                        $"{idle} says nothing by itself; expected --size NAME beside it, or --price N instead."
                    )
                : given is { } alone ? new MachinePrice(alone, price.Name, parsed.GetValue(stages) ?? 1)
                : null;
        }

        var found = MachineSizes.Named((await MachineFile.ReadAsync(parsed.GetValue(machines), stop)).Sizes, name);
        var (listed, from) = parsed.GetValue(onDemand)
            ? (found.OnDemandPrice, $"{name} on demand: {found.OnDemandFrom}")
            : (found.SpotPrice, $"{name} spot: {found.SpotFrom}");
        return new MachinePrice(given ?? listed, given is null ? from : price.Name, parsed.GetValue(stages) ?? found.Devices);
    }
}
