using System.CommandLine;
using Slowrun.Client.Cli;

namespace Slowrun.Client.Commands;

/// <summary><c>data</c>: prepares token data from files, and shows it.</summary>
internal static class DataCommand
{
    public static Command Create(ClientContext context, CommonOptions common) =>
        new Command("data", "Makes training data from text files, and shows it.")
        {
            DataPrepareCommand.Create(context, common),
            DataShowCommand.Create(context, common),
        }.WithExamples("slowrun data prepare --input book.txt --tokenizer bytes --val-tokens 65536 --out mine", "slowrun data show mine");
}
