using System.CommandLine;
using System.Globalization;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Client.Runs;
using Slowrun.Core.Specs;
using Slowrun.Fleet.Chaos;
using Slowrun.Fleet.Chaos.Plans;
using Slowrun.Storage;
using Spectre.Console;

namespace Slowrun.Client.Commands;

/// <summary><c>chaos SPEC</c>: the proof that no disturbance changes a byte, on the user's own spec and machine.</summary>
internal static class ChaosCommand
{
    private const string All = "all";

    public static Command Create(ClientContext context, CommonOptions common)
    {
        var options = new SpecOptions(context);
        var data = new DataOptions();
        var silos = new Option<int>("--silos") { Description = "Silo processes, one CPU slot each.", DefaultValueFactory = _ => 3 };
        var kills = new Option<int>("--kills")
        {
            Description = "Disturbances to carry out, if the run lasts so long.",
            DefaultValueFactory = _ => 20,
        };
        var seed = new Option<int>("--seed")
        {
            Description = "Determines which machine is disturbed how, and at which moment of its work.",
            DefaultValueFactory = _ => 7,
        };
        var mode = new Option<string[]>("--mode")
        {
            Description =
                "kill: the process ends at once. term: it is asked to stop. freeze: the machine stands still, is replaced, and wakes up again. "
                + "vanish: it is gone and its packets are dropped, its connections open. partition: it hears no other machine but trains on and reaches the store. notice: its preemption is announced 10, 5, 3 or 0 s ahead. "
                + "cluster: all are lost at once. damage: objects of the run, or files of the machines' cache, are changed or removed while silos live. May be repeated; several take turns.",
            HelpName = "kill|term|freeze|vanish|partition|notice|cluster|damage|all",
            DefaultValueFactory = _ => ["kill"],
            AllowMultipleArgumentsPerToken = true,
        };
        mode.AcceptOnlyFromAmong([.. Enum.GetNames<ChaosMode>().Select(name => name.ToLowerInvariant()), All]);
        var every = new Option<string?>("--every")
        {
            Description =
                "Mean time between losses of a machine, at any moment, as on a spot market; default: each machine is disturbed at a chosen moment of its work.",
            HelpName = "TIME",
        };
        every.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is { } text && !(Duration.TryParse(text, out var time) && time > TimeSpan.Zero))
            {
                result.AddError($"--every: found '{text}', expected a time above 0, for example 60s.");
            }
        });
        var clean = new Option<bool>("--clean")
        {
            Description =
                "Instead: removes the runs and cache folders that interrupted chaos left in the store and on this machine. Leaves one that is under way alone, and every run that chaos did not make.",
        };
        Within(silos, 1, 64);
        Within(kills, 0, 100_000);
        Within(seed, 0, int.MaxValue);
        var output = CommonOptions.Output();
        var command = new Command(
            "chaos",
            "Carries a spec out twice on local silos, calmly and disturbed, and compares the bytes. Exit code 1 if they differ."
        )
        {
            silos,
            kills,
            seed,
            mode,
            every,
            clean,
            output,
        };
        options.AddTo(command);
        data.AddTo(command);
        options.Spec.Arity = ArgumentArity.ZeroOrOne;
        command.Validators.Add(result =>
        {
            var hasSpec = result.GetResult(options.Spec) is { Tokens.Count: > 0 };
            if (result.GetValue(clean) && hasSpec)
            {
                result.AddError("--clean takes no SPEC: it removes what any chaos left in the store.");
            }
            else if (!result.GetValue(clean) && !hasSpec)
            {
                result.AddError("SPEC is missing: a preset's name, or a YAML or JSON file.");
            }
        });
        command.SetAction(
            async (parsed, stop) =>
            {
                var json = parsed.GetValue(output) == OutputFormat.Json;
                Action<string> tell = json ? context.Error.WriteLine : context.Output.WriteLine;
                if (parsed.GetValue(clean))
                {
                    return await CleanAsync(
                        context,
                        await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop),
                        tell,
                        json,
                        stop
                    );
                }

                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: true, stop);
                var names = parsed.GetRequiredValue(mode);
                var modes = names.Contains(All)
                    ? Enum.GetValues<ChaosMode>()
                    : [.. names.Distinct().Select(name => Enum.Parse<ChaosMode>(name, ignoreCase: true))];
                var plan =
                    parsed.GetValue(every) is { } gap && Duration.TryParse(gap, out var mean)
                        ? ChaosPlan.Every(mean, parsed.GetValue(seed), parsed.GetValue(kills), modes)
                        : ChaosPlan.Of(parsed.GetValue(seed), parsed.GetValue(kills), modes);
                var (spec, given) = (options.Read(parsed), data.Read(parsed, options.Overrides(parsed).Set));
                var submission = new Submission(store, tell);
                await submission.CheckAsync(spec, given, stop);
                var report = await new ChaosRun(
                    store,
                    // What silos write is compared with the times of what chaos did.
                    await StoreClock.OfAsync(store, context.Time, stop),
                    (run, cancellation) => submission.SubmitAsync(run, given, cancellation),
                    tell
                ).RunAsync(spec, parsed.GetValue(silos), parsed.GetValue(seed), plan, stop);
                if (json)
                {
                    await context.Output.WriteLineAsync(Json.Text(report));
                }
                else
                {
                    context.Console.Print(Table(report));
                }

                return report.Identical && report.Hangs == 0 ? ExitCode.Done : ExitCode.Failed;
            }
        );
        return command.WithExamples(
            "slowrun chaos tiny --store /tmp/chaos",
            "slowrun chaos mine.yaml --silos 4 --kills 50 --mode all --seed 3",
            "slowrun chaos tiny --mode freeze vanish notice -o json",
            "slowrun chaos tiny --every 60s --set stage.epochs=100",
            "slowrun chaos tiny --mode damage kill --set stage.epochs=40",
            "slowrun chaos --clean --store /tmp/chaos"
        );
    }

    private static async Task<int> CleanAsync(
        ClientContext context,
        IObjectStore store,
        Action<string> tell,
        bool json,
        CancellationToken stop
    )
    {
        var (cleaned, complete) = await new ChaosCleaning(context, store, tell).RunAsync(stop);
        if (json)
        {
            await context.Output.WriteLineAsync(Json.Text(cleaned));
            return complete ? ExitCode.Done : ExitCode.Failed;
        }

        foreach (var folder in cleaned.Folders)
        {
            tell($"{folder}: deleted.");
        }

        foreach (var other in cleaned.UnderWay)
        {
            tell($"Left alone: {string.Join(", ", other.Runs)} of a chaos that is under way ({other.Who}).");
        }

        if (complete && cleaned is { Runs.Count: 0, Folders.Count: 0 })
        {
            tell($"No interrupted chaos has left anything in '{store.Address}'.");
        }

        return complete ? ExitCode.Done : ExitCode.Failed;
    }

    private static Rows Table(ChaosReport report)
    {
        var summary = new Table().Border(TableBorder.None).HideHeaders().AddColumns("", "");
        void Row(string name, FormattableString value) => summary.AddRow(name, Markup.Escape(FormattableString.Invariant(value)));
        Row("identical", $"{(report.Identical ? "yes" : $"NO: {Difference(report)}")}");
        Row(
            "disturbances",
            $"{report.Disturbances.Count} of {report.Wanted}{(report.Disturbances.Count < report.Wanted ? ": the run was over before; one with more --set stage.epochs lasts longer" : "")}"
        );
        Row("at", $"{Counts(report.ByPhase)}");
        Row("preemptions", $"{report.Preemptions}, {report.LostSteps} steps lost");
        Row(
            "recovery",
            $"{Seconds(report.RecoveryP50Seconds)} p50, {Seconds(report.RecoveryMaxSeconds)} longest, to the next training step"
        );
        if (report.Notices is { } notices)
        {
            Row(
                "notices",
                $"{notices.Announced}, of which {notices.Acknowledged} were acknowledged; of {notices.ToOwners} to owners of a stage {notices.Released} released it and {notices.LostNothing} lost nothing (at most {notices.MostLostSteps} steps)"
            );
        }

        Row("time", $"{report.CalmSeconds:F1} s calm, {report.DisturbedSeconds:F1} s disturbed: goodput {report.Goodput:P0}");
        Row(
            "activations",
            $"{(report.LostActivations == 0 ? "none" : report.LostActivations.ToString(CultureInfo.InvariantCulture))} ended while its stage trained"
        );
        if (report.VotedOut > 0)
        {
            Row("voted out", $"{report.VotedOut} silos, by the other side of a partition; they ended and were replaced");
        }

        if (report.UnplannedExits > 0)
        {
            Row("unplanned", $"{report.UnplannedExits} silos ended by themselves; see their logs");
        }

        if (report.Hangs > 0)
        {
            Row("hangs", $"{report.Hangs} damages after which the run stood still and no message named them");
        }

        return report.Disturbances.Count == 0 ? new Rows(summary)
            : report.Damages.Count == 0 ? new Rows(summary, Text.Empty, Modes(report))
            : new Rows(summary, Text.Empty, Modes(report), Text.Empty, Damages(report));
    }

    private static string Difference(ChaosReport report) =>
        report.Differing.Count > 0 ? string.Join(", ", report.Differing)
        : report.LossNats is { } loss
            ? FormattableString.Invariant($"the ensemble's loss is {loss:R} nats, the calm run's {report.CalmLossNats:R}")
        : "the same weights, but the run has ended without an ensemble: 'slowrun status' and 'slowrun events' say why";

    private static Table Damages(ChaosReport report)
    {
        var table = new Table()
            .Border(TableBorder.Simple)
            .AddColumns("damaged", "times", "healed", "refused by name", "not read", "hangs", "longest");
        Enumerable.Range(1, 6).ToList().ForEach(column => table.Columns[column].RightAligned());
        foreach (var (name, kind) in report.DamagedKinds)
        {
            table.AddRow(
                [
                    Markup.Escape(name),
                    .. new[] { kind.Count, kind.Healed, kind.Refused, kind.Unread, kind.Hangs }.Select(count =>
                        count.ToString(CultureInfo.InvariantCulture)
                    ),
                    Seconds(kind.LongestSeconds),
                ]
            );
        }

        return table;
    }

    private static Table Modes(ChaosReport report)
    {
        var table = new Table()
            .Border(TableBorder.Simple)
            .AddColumns("mode", "times", "of an owner", "recovery p50", "longest", "steps lost");
        Enumerable.Range(1, 5).ToList().ForEach(column => table.Columns[column].RightAligned());
        foreach (var (name, mode) in report.Modes)
        {
            table.AddRow(
                [
                    .. new[]
                    {
                        name,
                        Text(mode.Count),
                        Text(mode.OfOwners),
                        Seconds(mode.RecoveryP50Seconds),
                        Seconds(mode.RecoveryMaxSeconds),
                        Text(mode.LostSteps),
                    },
                ]
            );
        }

        return table;

        static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
    }

    private static string Counts(IReadOnlyDictionary<string, int> counts) =>
        string.Join(", ", counts.Select(pair => string.Create(CultureInfo.InvariantCulture, $"{pair.Value} {pair.Key}")));

    private static string Seconds(double? seconds) =>
        seconds is { } known ? string.Create(CultureInfo.InvariantCulture, $"{known:F1} s") : "-";

    private static void Within(Option<int> option, int least, int most) =>
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is var value && (value < least || value > most))
            {
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"{option.Name}: found {value}, expected {least} to {most}."));
            }
        });
}
