using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Reading.Runs;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Commands;

/// <summary><c>events RUN</c>: what happened, with causes.</summary>
internal static class EventsCommand
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    public static Command Create(ClientContext context, CommonOptions common)
    {
        var run = CommonOptions.Run();
        var output = CommonOptions.Output();
        var follow = new Option<bool>("--follow", "-f") { Description = "Stay, and print what happens, until the run has ended." };
        var stage = new Option<string>("--stage")
        {
            Description = "Only of this stage, or of all stages of a chain.",
            HelpName = "chain0/stage1|chain0",
        };
        var kinds = new Option<string[]>("--kind")
        {
            Description = "Only of this kind, as the second column shows it; may be repeated.",
            HelpName = "KIND",
            AllowMultipleArgumentsPerToken = true,
        };
        var since = new Option<Moment?>("--since")
        {
            Description = "Only from then on: so long ago (90s, 10m, 2h, 1d), or a time (2026-11-26T18:00:00Z; without a zone it is UTC).",
            HelpName = "AGE|TIME",
            CustomParser = result => Since(result, context.Time),
        };
        var last = new Option<int?>("--last") { Description = "Only the newest N of those; older ones are not read.", HelpName = "N" };
        last.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() < 1)
            {
                result.AddError($"--last: expected is a number of events, 1 or more; found {result.GetValueOrDefault<int?>()}.");
            }
        });
        var command = new Command("events", "Prints what happened to a run: takes, losses, retries, results.")
        {
            run,
            output,
            follow,
            stage,
            kinds,
            since,
            last,
        };
        command.SetAction(
            async (parsed, stop) =>
            {
                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
                var reader = new RunReader(store, context.Time);
                var facts = await reader.FactsAsync(await reader.Naming.ResolveAsync(parsed.GetRequiredValue(run), stop), stop);
                var filter = new EventFilter(
                    StageOf(parsed.GetValue(stage), facts),
                    [.. parsed.GetValue(kinds) ?? []],
                    parsed.GetValue(since) is { } from ? await from.ByClockOfAsync(context, store, stop) : null,
                    parsed.GetValue(last)
                );
                return await PrintAsync(context, reader, facts, filter, parsed.GetValue(output), parsed.GetValue(follow), stop);
            }
        );
        return command.WithExamples(
            "slowrun events demo",
            "slowrun events demo --follow --last 20",
            "slowrun events demo --stage chain0/stage1 --kind owner-lost --since 2h",
            "slowrun events demo -o json | jq -r .kind"
        );
    }

    private static async Task<int> PrintAsync(
        ClientContext context,
        RunReader reader,
        RunFacts facts,
        EventFilter filter,
        OutputFormat format,
        bool follow,
        CancellationToken stop
    )
    {
        var name = facts.Spec.Name;
        var events = new RunEvents(reader.Store, name);
        // By name and not by time: a silo's clock may be wrong, and its event then turns up behind later ones.
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var (kinds, printed) = (new SortedSet<string>(StringComparer.Ordinal), 0);
        while (true)
        {
            try
            {
                // Asked before the events are read: those of the end are then among them.
                var over = !follow || Readiness.IsOver(Readiness.StateOf(facts));
                var news =
                    filter.Last is { } last && seen.Count == 0
                        ? (
                            await events.ListNewestAsync(last, happened => Counts(happened, filter, kinds), seen, filter.Since, stop)
                        ).ToAsyncEnumerable()
                        : events.ListAsync(seen, filter.Since, cancellationToken: stop);
                await foreach (var happened in news)
                {
                    kinds.Add(happened.Kind);
                    if (filter.Lets(happened))
                    {
                        printed++;
                        await context.Output.WriteLineAsync(format == OutputFormat.Json ? Json.Line(happened) : Line(happened));
                    }
                }

                if (over)
                {
                    await TellNoneAsync(context, filter, printed, kinds);
                    return ExitCode.Done;
                }

                await Task.Delay(Every, context.Time, stop);
                facts = await reader.FactsAsync(name, stop);
            }
            catch (IOException e) when (follow)
            {
                await context.Error.WriteLineAsync($"The store does not answer, which is tried again: {e.Message}");
                await Task.Delay(Every, context.Time, stop);
            }
        }
    }

    private static bool Counts(RunEvent happened, EventFilter filter, SortedSet<string> kinds)
    {
        kinds.Add(happened.Kind);
        return filter.Lets(happened);
    }

    /// <summary>A misspelt kind must not look like a run to which nothing happened.</summary>
    private static Task TellNoneAsync(ClientContext context, EventFilter filter, int printed, SortedSet<string> kinds)
    {
        if (printed > 0 || filter.IsEmpty)
        {
            return Task.CompletedTask;
        }

        var unknown = filter.Kinds.FirstOrDefault(kind => !kinds.Contains(kind));
        return context.Error.WriteLineAsync(
            kinds.Count == 0
                ? "No event is so new."
                : $"None of the events matches.{(unknown is null ? "" : Nearest.Hint(unknown, kinds))} There are: {string.Join(", ", kinds)}."
        );
    }

    /// <exception cref="CliException">The run has no such stage or chain.</exception>
    private static string? StageOf(string? text, RunFacts facts)
    {
        if (text is null)
        {
            return null;
        }

        var ids = facts.Plan.Stages.Select(stage => stage.Id.ToString()).ToList();
        var names = ids.Concat(ids.Select(id => id.Split('/')[0]).Distinct()).ToList();
        return names.Contains(text)
            ? text
            : throw new CliException(
                ExitCode.NoSuchThing,
                $"Run '{facts.Spec.Name}' has no stage or chain '{text}'.{Nearest.Hint(text, names)} It has {string.Join(", ", ids.Take(10))}{(ids.Count > 10 ? ", …" : "")}."
            );
    }

    private static Moment? Since(ArgumentResult result, TimeProvider time)
    {
        var text = result.Tokens[0].Value;
        if (Duration.TryParse(text, out var ago) && ago < time.GetUtcNow() - DateTimeOffset.UnixEpoch)
        {
            return new Moment(ago, null);
        }

        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at))
        {
            return new Moment(null, at);
        }

        result.AddError($"--since: '{text}' is neither an age like 90s, 10m, 2h or 1d, nor a time like 2026-11-26T18:00:00Z.");
        return null;
    }

    private static string Line(RunEvent happened) =>
        $"{Human.Moment(happened.At)}  {happened.Kind, -22} {happened.Stage, -14} {happened.Message}".TrimEnd();

    /// <summary>So long ago, or a time.</summary>
    private sealed record Moment(TimeSpan? Ago, DateTimeOffset? At)
    {
        /// <summary>Events are dated by the store's clock: by another one, an age would be that of other events.</summary>
        public async Task<DateTimeOffset?> ByClockOfAsync(ClientContext context, IObjectStore store, CancellationToken stop) =>
            Ago is { } ago ? (await context.ReadingTimeAsync(store, stop)).GetUtcNow() - ago : At;
    }

    /// <param name="Stage">A stage, or the name of a chain; null: all.</param>
    private sealed record EventFilter(string? Stage, HashSet<string> Kinds, DateTimeOffset? Since, int? Last)
    {
        public bool IsEmpty => Stage is null && Kinds.Count == 0 && Since is null;

        public bool Lets(RunEvent happened) =>
            (Stage is null || happened.Stage == Stage || happened.Stage?.StartsWith($"{Stage}/", StringComparison.Ordinal) == true)
            && (Kinds.Count == 0 || Kinds.Contains(happened.Kind))
            && !(happened.At < Since);
    }
}
