using System.Text;
using Slowrun.Data.Corpus;

namespace Slowrun.Data.Tests.Corpus;

public sealed class SdkDocsTextTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Read_OfAType_GathersItsMembersProseAndNoCode()
    {
        Docs(
            "A.xml",
            """
            <member name="T:My.Space.Reader`1"><summary>Reads a <see cref="T:My.Space.Thing`1" /> from <paramref name="source" />.</summary></member>
            <member name="M:My.Space.Reader`1.Read(System.String)">
              <summary>Reads the next one.<para>Returns <see langword="null" /> at the end, e.g. of a file.</para></summary>
              <param name="x">What to <c>skip</c>.</param>
              <exception cref="T:System.Exception">Never shown.</exception>
              <example><code>var x = 1;</code></example>
              <remarks>See <see href="https://example.com">the manual</see>. <code>not shown</code> Done well.</remarks>
            </member>
            <member name="M:My.Space.Reader`1.#ctor"><summary>Makes a <see cref="M:My.Space.Reader`1.#ctor(System.Int32)" /> ready.</summary></member>
            """
        );

        var document = Assert.Single(SdkDocsText.Read(folder.Path));

        Assert.Equal(("My.Space.Reader`1", "My.Space.Reader"), (document.Name, document.Family));
        Assert.Equal(
            [
                "Reads a Thing from source.",
                "Reads the next one. Returns null at the end, e.g. of a file. What to skip. See the manual. Done well.",
                "Makes a Reader ready.",
            ],
            document.Paragraphs
        );
    }

    [Fact]
    public void Read_OfSentencesThatDifferInNamesAndNumbersOnly_KeepsTheFirst()
    {
        Docs("B.xml", Summary("T:S.Second", "Gets the Name of item 7."));
        Docs(
            "A.xml",
            Summary("T:S.First", "Gets the Name of item 6.") + Summary("P:S.First.X", """Sets the <see cref="T:S.Y" />. Something else.""")
        );
        Docs("C.xml", Summary("T:S.Third", "Sets the OtherThing. Last of all."));

        var documents = SdkDocsText.Read(folder.Path);

        Assert.Equal(
            ["S.First: Gets the Name of item 6.|Sets the Y. Something else.", "S.Third: Last of all."],
            documents.Select(document => $"{document.Name}: {string.Join('|', document.Paragraphs)}")
        );
    }

    [Fact]
    public void Read_OfIntrinsics_LeavesThemOut()
    {
        Docs("A.xml", Summary("T:System.Runtime.Intrinsics.X86.Avx", "Adds lanes.") + Summary("T:System.Text.Rune", "Is a character."));

        Assert.Equal(["System.Text.Rune"], SdkDocsText.Read(folder.Path).Select(document => document.Name));
    }

    [Theory]
    [InlineData("System.Xml.XmlReader", "System.Xml.Xml")]
    [InlineData("System.Xml.XmlReader.Nested", "System.Xml.Xml")]
    [InlineData("System.Collections.Generic.IList`1", "System.Collections.Generic.List")]
    [InlineData("System.Int32", "System.Int")]
    [InlineData("System.IO.Path", "System.IO.Path")]
    public void Family_IsNamespaceAndFirstWordOfTheOutermostType(string type, string family) =>
        Assert.Equal(family, SdkDocsText.Family(type, new HashSet<string> { "System.Xml.XmlReader" }));

    [Fact]
    public void Read_OfBrokenXml_NamesTheFile()
    {
        folder.Write("A.xml", "<doc><members><member name='T:X'><summary>Unended");

        var e = Assert.Throws<CorpusException>(() => SdkDocsText.Read(folder.Path));

        Assert.Contains("A.xml' is not well-formed", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Split_OfLongDocuments_CutsAtAParagraphAndKeepsFamiliesTogether()
    {
        var documents = Enumerable
            .Range(0, 200)
            .Select(i => new TextDocument($"type{i}", $"family{i / 2}", [.. Enumerable.Range(0, 30).Select(p => $"{Words(i, p)}.")]))
            .ToList();

        var split = DocumentSplit.Split(documents);

        var all = split.Train.Concat(split.Fitness).Concat(split.Validation).Select(Encoding.UTF8.GetString).ToList();
        Assert.Equal(200, all.Count);
        Assert.All(all, text => Assert.EndsWith(".\n", text, StringComparison.Ordinal));
        Assert.All(all, text => Assert.InRange(text.Length, DocumentSplit.LongestBytes - 150, DocumentSplit.LongestBytes));
        foreach (var set in new[] { split.Train, split.Fitness, split.Validation })
        {
            Assert.NotEmpty(set);
            var families = set.Select(document => int.Parse(Encoding.UTF8.GetString(document).Split('x')[0], null) / 2).ToList();
            Assert.All(families.GroupBy(family => family), family => Assert.Equal(2, family.Count()));
        }
    }

    [Fact]
    public void Find_WithSeveralVersions_TakesTheNewestByNumber()
    {
        foreach (var version in new[] { "9.0.3", "10.0.2", "8.0.1" })
        {
            folder.Write($"packs/Microsoft.NETCore.App.Ref/{version}/ref/net/A.xml", "<doc/>");
        }

        Assert.Contains("/10.0.2/", SdkDocsFolder.Find(["/nowhere", folder.Path]), StringComparison.Ordinal);
    }

    [Fact]
    public void Find_WithoutDocumentation_SaysWhereItLookedAndWhatToDo()
    {
        var e = Assert.Throws<CorpusException>(() => SdkDocsFolder.Find([folder.Path]));

        Assert.Contains(folder.Path, e.Message, StringComparison.Ordinal);
        Assert.Contains("--text", e.Message, StringComparison.Ordinal);
    }

    private static string Words(int document, int paragraph) =>
        $"{document}x{paragraph} "
        + string.Join(
            ' ',
            Enumerable
                .Range(0, 10)
                .Select(i =>
                    Convert.ToHexString(System.Security.Cryptography.SHA256.HashData([(byte)document, (byte)paragraph, (byte)i]))[..10]
                )
        );

    private static string Summary(string member, string text) => $"""<member name="{member}"><summary>{text}</summary></member>""";

    private void Docs(string file, string members) => folder.Write(file, $"<doc><members>{members}</members></doc>");
}
