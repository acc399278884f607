using Slowrun.Client.Display;

namespace Slowrun.Client.Tests.Display;

/// <summary>What a terminal would show is worked out from what was written to it.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "A StringWriter holds nothing to dispose of.")]
public sealed class LiveScreenTests
{
    private readonly Terminal terminal = new();
    private (int Width, int Height) size = (20, 6);

    [Fact]
    public void Draw_Again_OverwritesWithoutErasingFirst()
    {
        var screen = Screen();
        screen.Draw(["one", "twenty", "three"]);
        terminal.Forget();

        screen.Draw(["one", "two"]);

        Assert.Equal(["one", "two"], terminal.Lines);
        Assert.DoesNotContain("\e[2J", terminal.Written, StringComparison.Ordinal);
        // What is erased is behind or below what was written just before.
        Assert.Equal("\e[?2026h\e[3A\rone\e[K\ntwo\e[K\n\e[J\e[?2026l", terminal.Written);
    }

    [Fact]
    public void Draw_AfterTheTerminalWasResized_BeginsAgainOnAnEmptyScreen()
    {
        var screen = Screen();
        screen.Draw(["a line that was broken when the window became narrow"]);
        terminal.Forget();
        size = (10, 6);

        screen.Draw(["short"]);

        Assert.StartsWith("\e[?2026h\e[H\e[2Jshort", terminal.Written, StringComparison.Ordinal);
        Assert.Equal(["short"], terminal.Lines);
    }

    [Fact]
    public void Draw_AfterTheTerminalWasResized_ShowsTheLastRemarksAgain()
    {
        var screen = Screen();
        screen.Draw(["one"]);
        foreach (var remark in (string[])["1st", "2nd", "3rd", "4th"])
        {
            screen.Say(remark);
        }

        size = (30, 6);
        screen.Draw(["two"]);

        Assert.Equal(["2nd", "3rd", "4th", "two"], terminal.Lines);
    }

    [Fact]
    public void Draw_OfMoreThanFits_SaysHowMuchIsMissing()
    {
        Screen().Draw(["1", "2", "3", "4", "5", "6", "7"]);

        Assert.Equal(["1", "2", "3", "4", "… 3 more lines; a higher window shows them"], terminal.Lines);
    }

    [Fact]
    public void Say_PutsALineAboveWhatIsDrawn()
    {
        var screen = Screen();
        screen.Draw(["one", "two"]);

        screen.Say("a remark");
        screen.Draw(["three"]);

        Assert.Equal(["a remark", "three"], terminal.Lines);
    }

    private LiveScreen Screen() => new(terminal, () => size);

    /// <summary>Knows the few commands that are used, and has no bottom.</summary>
    private sealed class Terminal : StringWriter
    {
        private readonly List<string> lines = [""];
        private int row;
        private int column;

        public string Written { get; private set; } = "";

        public IEnumerable<string> Lines => lines.Take(lines.FindLastIndex(line => line.Length > 0) + 1);

        public void Forget() => Written = "";

        public override void Write(string? value)
        {
            Written += value;
            for (var i = 0; i < value!.Length; i++)
            {
                if (value[i] == '\n')
                {
                    row++;
                    lines.AddRange(Enumerable.Repeat("", Math.Max(0, row - lines.Count + 1)));
                    column = 0;
                }
                else if (value[i] == '\r')
                {
                    column = 0;
                }
                else if (value[i] == '\e')
                {
                    var end = i + 2;
                    while (!char.IsLetter(value[end]))
                    {
                        end++;
                    }

                    Obey(value[end], value[(i + 2)..end]);
                    i = end;
                }
                else
                {
                    lines[row] =
                        column == 0
                            ? value[i] + lines[row][Math.Min(1, lines[row].Length)..]
                            : lines[row][..column] + value[i] + lines[row][Math.Min(column + 1, lines[row].Length)..];
                    column++;
                }
            }
        }

        private void Obey(char command, string argument)
        {
            switch (command)
            {
                case 'A':
                    row -= int.Parse(argument, System.Globalization.CultureInfo.InvariantCulture);
                    break;
                case 'K':
                    lines[row] = lines[row][..Math.Min(column, lines[row].Length)];
                    break;
                case 'J' when argument == "2":
                    lines.Clear();
                    lines.Add("");
                    break;
                case 'J':
                    lines[row] = lines[row][..Math.Min(column, lines[row].Length)];
                    lines.RemoveRange(row + 1, lines.Count - row - 1);
                    break;
                case 'H':
                    (row, column) = (0, 0);
                    break;
            }
        }
    }
}
