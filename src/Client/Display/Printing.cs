using Spectre.Console;
using Spectre.Console.Rendering;

namespace Slowrun.Client.Display;

internal static class Printing
{
    /// <summary>Writes whole lines: some of Spectre's renderables end their last line, and some do not.</summary>
    public static void Print(this IAnsiConsole console, IRenderable what)
    {
        console.Write(what);
        if (what.GetSegments(console).LastOrDefault() is { } last && !last.Text.EndsWith('\n'))
        {
            console.WriteLine();
        }
    }

    /// <summary>What <see cref="Print"/> would write, in lines.</summary>
    public static IReadOnlyList<string> Lines(this IAnsiConsole console, IRenderable what)
    {
        using var text = new StringWriter();
        var paper = AnsiConsole.Create(
            new AnsiConsoleSettings
            {
                Ansi = AnsiSupport.Yes,
                Interactive = InteractionSupport.No,
                Out = new AnsiConsoleOutput(text),
            }
        );
        paper.Profile.Width = console.Profile.Width;
        paper.Profile.Capabilities.ColorSystem = console.Profile.Capabilities.ColorSystem;
        paper.Profile.Capabilities.Unicode = console.Profile.Capabilities.Unicode;
        paper.Write(what);
        return text.ToString().TrimEnd('\n').Split('\n');
    }
}
