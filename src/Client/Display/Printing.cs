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
}
