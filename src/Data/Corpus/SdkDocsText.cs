namespace Slowrun.Data.Corpus;

/// <summary>The documents of the SDK's documentation: one per type, without sentences that occurred before.</summary>
internal static class SdkDocsText
{
    // Half of the files by size, and lists of instructions rather than prose.
    private const string LeftOut = "System.Runtime.Intrinsics";

    /// <summary>The same for the same files, whatever the order in which a folder lists them and on how many cores they are read.</summary>
    public static IReadOnlyList<TextDocument> Read(string folder)
    {
        var files = Directory.GetFiles(folder, "*.xml").OrderBy(Path.GetFileName, StringComparer.Ordinal).ToArray();
        var members = Members(files);
        var types = members.Where(member => member.Kind == 'T').Select(member => member.Member).ToHashSet(StringComparer.Ordinal);
        var paragraphs = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var member in members)
        {
            var fresh = member.Sentences.Where(sentence => seen.Add(sentence.Form)).Select(sentence => sentence.Text).ToList();
            if (fresh.Count > 0)
            {
                var type = member.Kind == 'T' ? member.Member : DeclaringType(member.Member);
                if (!paragraphs.TryGetValue(type, out var list))
                {
                    paragraphs.Add(type, list = []);
                }

                list.Add(string.Join(' ', fresh));
            }
        }

        return [.. paragraphs.Select(pair => new TextDocument(pair.Key, Family(pair.Key, types), pair.Value))];
    }

    private static List<MemberProse> Members(string[] files)
    {
        try
        {
            // The threads only read: members stand in the order of their files.
            return
            [
                .. files
                    .AsParallel()
                    .AsOrdered()
                    .Select(file =>
                        XmlDocs.Read(file).Where(member => !member.Member.StartsWith(LeftOut, StringComparison.Ordinal)).ToList()
                    )
                    .AsSequential()
                    .SelectMany(found => found),
            ];
        }
        catch (AggregateException e) when (e.InnerExceptions.OfType<CorpusException>().FirstOrDefault() is { } broken)
        {
            throw broken;
        }
    }

    private static string DeclaringType(string member)
    {
        var parameters = member.IndexOf('(', StringComparison.Ordinal);
        var name = parameters < 0 ? member : member[..parameters];
        // An explicit implementation is written System#IDisposable#Dispose: its dots are no separators.
        return name[..Math.Max(0, name.LastIndexOf('.'))];
    }

    /// <summary>
    /// Namespace and first word of the outermost type: <c>System.Xml.Xml</c> for all of XmlReader, XmlWriter and XmlTextReader.Nested,
    /// whose sentences are each other's variants.
    /// </summary>
    internal static string Family(string type, IReadOnlySet<string> types)
    {
        var outer = type;
        while (outer.LastIndexOf('.') is > 0 and var dot && types.Contains(outer[..dot]))
        {
            outer = outer[..dot];
        }

        var start = outer.LastIndexOf('.') + 1;
        // IEnumerable and Enumerable are one family.
        var first = outer.Length > start + 1 && outer[start] == 'I' && char.IsUpper(outer[start + 1]) ? start + 1 : start;
        var end = first + 1;
        while (end < outer.Length && char.IsLower(outer[end]))
        {
            end++;
        }

        return outer[..start] + outer[first..end];
    }
}
