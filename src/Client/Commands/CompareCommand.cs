using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Reading.Runs;

namespace Slowrun.Client.Commands;

/// <summary><c>compare RUN RUN …</c>: runs side by side, from the store alone.</summary>
internal static class CompareCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var names = new Argument<string[]>("RUN") { Description = "Names of two or more runs.", Arity = new ArgumentArity(2, 100) };
        var output = CommonOptions.CsvOutput();
        var command = new Command(
            "compare",
            "Shows runs side by side: losses, tokens, time, goodput, cost, and where their recipes differ."
        )
        {
            names,
            output,
        };
        var prices = new PriceOptions();
        prices.AddTo(command);
        command.SetAction(
            async (parsed, stop) =>
            {
                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
                var reader = new RunReader(store, context.Time);
                var named = await Task.WhenAll(parsed.GetRequiredValue(names).Select(name => reader.Naming.ResolveAsync(name, stop)));
                var distinct = named.Distinct(StringComparer.Ordinal).ToList();
                if (distinct.Count < 2)
                {
                    throw new CliException(
                        ExitCode.Usage,
                        $"compare: found one run, '{distinct[0]}'; expected two or more different ones."
                    );
                }

                var comparison = await RunComparison.ReadAsync(reader, distinct, await prices.ReadAsync(parsed, stop), stop);
                switch (parsed.GetValue(output))
                {
                    case OutputFormat.Json:
                        await context.Output.WriteLineAsync(Json.Text(comparison));
                        break;
                    case OutputFormat.Csv:
                        await DataTable.PrintAsync(context, OutputFormat.Csv, comparison.Runs, ComparisonText.ListedRuns);
                        break;
                    default:
                        context.Console.Print(ComparisonText.Of(comparison));
                        break;
                }

                if (!comparison.SameData)
                {
                    await context.Error.WriteLineAsync(
                        "The runs are scored on different text: their losses do not tell which one is better."
                    );
                }

                return ExitCode.Done;
            }
        );
        return command.WithExamples(
            "slowrun compare demo mine",
            "slowrun compare demo mine -o json | jq '.runs[].ensembleLossNats'",
            "slowrun compare demo mine --price 2.1"
        );
    }
}
