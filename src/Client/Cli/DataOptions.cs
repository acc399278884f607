using System.CommandLine;
using Slowrun.Client.Runs;

namespace Slowrun.Client.Cli;

/// <summary>How a command line names the data of a run.</summary>
internal sealed class DataOptions
{
    private readonly Option<string[]> text = new("--text")
    {
        Description = "UTF-8 text files to take the data from, instead of the .NET SDK's documentation.",
        HelpName = "FILE",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string> data = new("--data")
    {
        Description = "Data that 'slowrun data prepare' made: its directory, or its hash. The recipe gets its sizes.",
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

    public GivenData Read(ParseResult parsed) => new(parsed.GetValue(text) ?? [], parsed.GetValue(data));
}
