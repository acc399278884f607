using System.CommandLine;
using System.Text.Json;
using Slowrun.Client.Cli;
using Slowrun.Client.Runs;
using Slowrun.Core.Presets;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Client.Completion;

/// <summary>
/// Completes the last word of a command line. The possible values follow from the value's name in the help: words in small letters are
/// themselves (<c>json|csv</c>), those in capitals are kinds (<c>RUN</c>, <c>SPEC</c>, <c>DIR</c>).
/// </summary>
/// <param name="asked">The call of <c>complete</c>.</param>
internal sealed class Completer(ClientContext context, CommonOptions common, ParseResult asked)
{
    private readonly Command root = asked.RootCommandResult.Command;

    /// <param name="line">Up to the cursor, beginning with the program.</param>
    public async Task<IReadOnlyList<Candidate>> CompleteAsync(string line)
    {
        var words = ShellWords.Split(line);
        List<string> before = [.. words.Skip(1).SkipLast(1)];
        var place = CursorPlace.Of(root, before, words.Count > 1 ? words[^1] : "");
        IEnumerable<Candidate> candidates =
        [
            .. place.MayBeCommand ? Commands(place.Command) : [],
            .. place.Value is { } value ? await ValuesAsync(value, place.Word, before) : [],
            .. place.Value is null && place.Word.StartsWith('-') ? Options(place) : [],
        ];
        return
        [
            .. candidates
                .Where(candidate => candidate.Text[0] == ':' || candidate.Text.StartsWith(place.Word, StringComparison.Ordinal))
                .Select(candidate => candidate.Text[0] == ':' ? candidate : candidate with { Text = place.Prefix + candidate.Text }),
        ];
    }

    private static IEnumerable<Candidate> Commands(Command command) =>
        command.Subcommands.Where(sub => !sub.Hidden).Select(sub => new Candidate(sub.Name, FirstSentence(sub.Description)));

    private static IEnumerable<Candidate> Options(CursorPlace place) =>
        place
            .Options.Where(option => !option.Hidden)
            .SelectMany(option =>
                option
                    .Aliases.Where(alias => alias.StartsWith("--", StringComparison.Ordinal))
                    .Prepend(option.Name)
                    .Select(name => new Candidate(name, FirstSentence(option.Description)))
            );

    private async Task<IEnumerable<Candidate>> ValuesAsync(Symbol symbol, string word, IReadOnlyList<string> before)
    {
        var name = (symbol is Option option ? option.HelpName : (symbol as Argument)?.HelpName) ?? symbol.Name;
        var candidates = new List<Candidate>();
        foreach (var kind in Kinds(name))
        {
            candidates.AddRange(
                kind switch
                {
                    "RUN" when name.Contains("STAGE", StringComparison.Ordinal) => await StagesAsync(name, word, before),
                    "RUN" => await Names(before).RunsAsync(),
                    "SILO" => await Names(before).SilosAsync(),
                    "SPEC" when word.StartsWith(SpecOrRun.RunPrefix, StringComparison.Ordinal) => await Names(before)
                        .RunsAsync(SpecOrRun.RunPrefix, ""),
                    "SPEC" => Presets().Append(Candidate.Files),
                    "PATH" when symbol is Argument && name.Contains('=', StringComparison.Ordinal) => Operations(),
                    "PATH" when name.Contains('=', StringComparison.Ordinal) => SpecPaths.Of(word).Select(path => new Candidate(path)),
                    "FILE" or "PATH" => [Candidate.Files],
                    "DIR" or "STORE" => [Candidate.Folders],
                    _ when kind.All(char.IsUpper) => [],
                    _ => [new Candidate(kind)],
                }
            );
        }

        return candidates.Count > 0 ? candidates : Allowed(symbol);
    }

    /// <summary>'RUN[/STAGE]' names RUN and STAGE, 'FILE.png' a FILE.</summary>
    private static IEnumerable<string> Kinds(string name) =>
        name.Split('|', '=', '[')
            .Select(part => char.IsUpper(part.FirstOrDefault()) ? new string([.. part.TakeWhile(char.IsUpper)]) : part)
            .Where(part => part.Length > 0 && char.IsLetterOrDigit(part[0]) && !part.StartsWith("--", StringComparison.Ordinal));

    /// <summary>The values that the parser accepts, where it knows them: enumerations, and lists of words.</summary>
    private static IEnumerable<Candidate> Allowed(Symbol symbol) => ParseMessages.Words(symbol).Select(word => new Candidate(word));

    private async Task<IReadOnlyList<Candidate>> StagesAsync(string name, string word, IReadOnlyList<string> before)
    {
        // Where only a stage will do, its run's name is half of the word.
        var suffix = name.Contains('[', StringComparison.Ordinal) ? "" : "/";
        var slash = word.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? await Names(before).RunsAsync("", suffix) : await Names(before).StagesAsync(word[..slash]);
    }

    /// <summary>The store that the line names, else the default one.</summary>
    private StoreNames Names(IReadOnlyList<string> before)
    {
        var typed = root.Parse(before);
        return new StoreNames(context, (typed.GetResult(common.Store) is { Implicit: false } ? typed : asked).GetValue(common.Store) ?? "");
    }

    private static IEnumerable<Candidate> Presets() => PresetFiles.Names.Select(name => new Candidate(name, PresetFiles.Summary(name)));

    private static IEnumerable<Candidate> Operations() =>
        typeof(Operations)
            .GetProperties()
            .Where(property => property.CanWrite)
            .Select(property => new Candidate($"{JsonNamingPolicy.CamelCase.ConvertName(property.Name)}="));

    private static string? FirstSentence(string? text) => text?.Split(". ")[0].TrimEnd('.');
}
