using System.CommandLine;

namespace Slowrun.Client.Cli;

/// <summary>How a command line names the data of a run.</summary>
/// <param name="aboutText">What <c>--text</c> does, where it is something else.</param>
/// <param name="aboutData">The same of <c>--data</c>.</param>
internal sealed class DataOptions(string? aboutText = null, string? aboutData = null)
{
    private static readonly string[] OfText = ["data.source", "data.sha256"];
    private static readonly string[] OfPrepared = [.. OfText, "data.trainTokens", "data.fitnessTokens", "data.validationTokens"];

    private readonly Option<string[]> text = new("--text")
    {
        Description = aboutText ?? "UTF-8 text files to take the data from, instead of the .NET SDK's documentation.",
        HelpName = "FILE",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string> data = new("--data")
    {
        Description = aboutData ?? "Data that 'slowrun data prepare' made: its directory, or its hash. The recipe gets its sizes.",
        HelpName = "DIR|HASH",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(text);
        command.Options.Add(data);
        command.Validators.Add(result =>
        {
            if (result.GetResult(text) is { Implicit: false } && result.GetResult(data) is { Implicit: false })
            {
                result.AddError("--text and --data exclude each other.");
            }
        });
    }

    /// <exception cref="CliException">The data is not there; or <paramref name="set"/> contradicts it.</exception>
    public GivenData Read(ParseResult parsed, IReadOnlyList<string> set)
    {
        var given = new GivenData(parsed.GetValue(text) ?? [], parsed.GetValue(data));
        foreach (var file in given.TextFiles)
        {
            InputPaths.CheckFile(file, "--text");
        }

        // Checked here, before anything is started.
        var (option, decided) =
            given.Prepared is not null ? ("--data", OfPrepared)
            : given.TextFiles.Count > 0 ? ("--text", OfText)
            : ("", Array.Empty<string>());
        foreach (var assignment in set)
        {
            var path = assignment.Split('=', 2)[0].Trim();
            path = path.StartsWith("recipe.", StringComparison.Ordinal) ? path["recipe.".Length..] : path;
            if (decided.Contains(path) || (decided.Length > 0 && path == "data"))
            {
                throw new CliException(
                    ExitCode.Usage,
                    $"--set {assignment} would change nothing: {option} decides {string.Join(", ", decided)}. Leave it out, or prepare other data."
                );
            }
        }

        return given;
    }
}
