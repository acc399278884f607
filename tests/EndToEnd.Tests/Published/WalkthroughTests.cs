using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Slowrun.EndToEnd.Tests.Published;

/// <summary>docs/walkthrough.md is what docs/walkthrough.sh prints, but for figures: no command in it is out of date.</summary>
[Collection(Cli.Waiting)]
public sealed partial class WalkthroughTests(PublishedClient client)
{
    [Fact]
    public async Task Walkthrough_CarriedOutAgain_SaysTheSame()
    {
        var docs = Path.Combine(PublishedClient.Repository, "docs");
        var page = Path.Combine(docs, "walkthrough.md");
        var start = new ProcessStartInfo("bash", [Path.Combine(docs, "walkthrough.sh")])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["SLOWRUN"] = Path.Combine(await client.FolderAsync(), "slowrun");
        start.Environment["SLOWRUN_SILO"] = Cli.SiloPath;
        start.Environment["DOTNET_TieredPGO"] = "0";
        start.Environment["DOTNET_TC_CallCountThreshold"] = "300";
        using var process = Process.Start(start)!;
        var (output, error) = (
            process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken),
            process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken)
        );
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, await error);

        var (now, written) = (Lines(await output), Lines(await File.ReadAllTextAsync(page, TestContext.Current.CancellationToken)));
        var first = now.Zip(written).TakeWhile(pair => pair.First == pair.Second).Count();
        Assert.True(
            first == now.Count && first == written.Count,
            $"docs/walkthrough.md differs; 'docs/walkthrough.sh > docs/walkthrough.md' makes it anew. Line {first + 1} of what is compared is now:\n{At(now, first)}\nand was:\n{At(written, first)}\n\nAll of it:\n{await output}\n{await error}"
        );
    }

    /// <summary>What must not change: prose, commands, exit codes, and answers without their figures; of answers that depend on the moment
    /// only that they are.</summary>
    private static List<string> Lines(string transcript)
    {
        var lines = new List<string>();
        var (live, answered) = (false, false);
        foreach (var line in transcript.Split('\n'))
        {
            if (line == "```console live")
            {
                (live, answered) = (true, false);
                lines.Add(line);
            }
            else if (line == "```" && live)
            {
                lines.Add(answered ? "(an answer)" : "(no answer)");
                lines.Add(line);
                live = false;
            }
            else if (!live || line.StartsWith("$ ", StringComparison.Ordinal) || line.StartsWith("(exit code", StringComparison.Ordinal))
            {
                lines.Add(WithoutFigures(line));
            }
            else
            {
                answered |= line.Length > 0;
            }
        }

        return lines;
    }

    private static string WithoutFigures(string line) =>
        // Which of a handful of small models is best, and whether they are better together than it, depends on the machine's arithmetic and
        // on the pages that they learn.
        BestMember()
            .Replace(
                Spaces()
                    .Replace(Duration().Replace(Figure().Replace(Hash().Replace(line, "HASH"), "N"), "N s"), " ")
                    .Replace("nats worse than", "nats better than", StringComparison.Ordinal)
                    .Replace("documents", "document", StringComparison.Ordinal),
                "best member (STAGE)"
            )
            .TrimEnd();

    private static string At(List<string> lines, int index) => index < lines.Count ? lines[index] : "(nothing)";

    [GeneratedRegex("[0-9a-f]{12,}")]
    private static partial Regex Hash();

    /// <summary>Not the number of a chain or stage, nor that of a unit.</summary>
    [GeneratedRegex(@"(?<![A-Za-z0-9])[+-]?\d[\d,.:]*(?<![.,:])")]
    private static partial Regex Figure();

    [GeneratedRegex(@"N (ms|s|min|h|d)\b( N (s|min|h)\b)*")]
    private static partial Regex Duration();

    [GeneratedRegex(@"best member \(chain\d+/stage\d+\)")]
    private static partial Regex BestMember();

    [GeneratedRegex(" +")]
    private static partial Regex Spaces();
}
