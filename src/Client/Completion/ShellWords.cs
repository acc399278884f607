using System.Text;

namespace Slowrun.Client.Completion;

/// <summary>Divides a line as a shell does, so far as a line that is still being typed needs it: quotes and backslashes, no
/// expansion.</summary>
internal static class ShellWords
{
    /// <returns>At least one word: the last is the one that is being typed, empty after a space.</returns>
    public static IReadOnlyList<string> Split(string line)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var (quote, begun) = ('\0', false);
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            if (c == '\\' && quote != '\'' && i + 1 < line.Length)
            {
                word.Append(line[++i]);
                begun = true;
            }
            else if (quote != '\0' ? c == quote : c is '\'' or '"')
            {
                quote = quote == '\0' ? c : '\0';
                begun = true;
            }
            else if (quote == '\0' && char.IsWhiteSpace(c))
            {
                if (begun)
                {
                    words.Add(word.ToString());
                    word.Clear();
                    begun = false;
                }
            }
            else
            {
                word.Append(c);
                begun = true;
            }
        }

        words.Add(word.ToString());
        return words;
    }
}
