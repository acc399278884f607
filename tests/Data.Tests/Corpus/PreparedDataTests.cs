using System.Security.Cryptography;
using System.Text;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;
using Slowrun.Data.Corpus;

namespace Slowrun.Data.Tests.Corpus;

public sealed class PreparedDataTests : IDisposable
{
    private static readonly DataRecipe Small = new()
    {
        TrainTokens = 3_000,
        FitnessTokens = 200,
        ValidationTokens = 1_000,
    };

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void FromSdkDocs_OnThisMachine_GivesExactlyTheTokensAskedForAndAlwaysTheSame()
    {
        var recipe = new DataRecipe();

        var data = PreparedData.FromSdkDocs(recipe);

        Assert.Equal(
            (recipe.TrainTokens, recipe.FitnessTokens, recipe.ValidationTokens),
            (data.Train.Length, data.Fitness!.Length, data.Validation.Length)
        );
        Assert.InRange(data.ValidationOverlap, 0, 0.005);
        Assert.All(data.Train.DocumentStarts, start => Assert.Equal(ByteTokens.DocumentStart, Ids(data.Train)[start]));
        Assert.All(ByteTokens.Texts(data.Train), text => Assert.InRange(text.Length, 0, DocumentSplit.LongestBytes));
        Assert.Equal(Hash(data), Hash(PreparedData.FromSdkDocs(recipe)));
        Assert.DoesNotContain(
            "<see",
            Encoding.UTF8.GetString([.. ByteTokens.Texts(data.Train).SelectMany(text => text)]),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Take_LargerTrainingSets_BeginWithTheSmallerOnesAndAreJudgedOnTheSame()
    {
        var text = NestedText.FromText([folder.Write("a.txt", Prose(1, 200))]);
        var (one, all) = (text.Take(Small), text.Take(Small with { TrainTokens = text.TrainTokens }));

        Assert.True(all.Train.Length >= 2 * one.Train.Length);
        Assert.Equal(Ids(one.Train), Ids(all.Train)[..Ids(one.Train).Length]);
        Assert.Equal(one.Train.DocumentStarts, all.Train.DocumentStarts.TakeWhile(start => start < one.Train.Length));
        Assert.Equal(Ids(one.Fitness!), Ids(all.Fitness!));
        Assert.Equal(Ids(one.Validation), Ids(all.Validation));
        var tooMuch = Assert.Throws<CorpusException>(() => text.Take(Small with { TrainTokens = text.TrainTokens + 1 }));
        Assert.Contains($"it gives {text.TrainTokens} training tokens", tooMuch.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FromText_OfTheSameFilesInAnotherOrder_GivesTheSameData()
    {
        var (a, b) = (folder.Write("a.txt", Prose(1, 60)), folder.Write("b.txt", Prose(2, 60)));

        var (one, other) = (PreparedData.FromText([a, b], Small), PreparedData.FromText([b, a], Small));

        Assert.Equal(Hash(one), Hash(other));
        Assert.Equal(one.Source, other.Source);
    }

    [Fact]
    public void FromText_WithParagraphsThatRepeat_KeepsThemOutOfValidation()
    {
        // The same long line stands in every paragraph of every second document, on whichever side that falls.
        var copied = string.Join(
            "\n\n",
            Prose(3, 80)
                .Split("\n\n")
                .Select(
                    (paragraph, i) =>
                        i % 2 == 0 ? paragraph : $"This very line is longer than forty characters and stands everywhere. {paragraph}"
                )
        );

        var data = PreparedData.FromText([folder.Write("copied.txt", copied)], Small with { ValidationTokens = 500 });

        Assert.Equal(0, data.ValidationOverlap);
        var validation = Encoding.UTF8.GetString([.. ByteTokens.Texts(data.Validation).SelectMany(text => text)]);
        Assert.DoesNotContain("stands everywhere", validation, StringComparison.Ordinal);
    }

    [Fact]
    public void FromText_OfTooLittle_SaysHowMuchThereIs()
    {
        var e = Assert.Throws<CorpusException>(() => PreparedData.FromText([folder.Write("a.txt", Prose(1, 60))], new DataRecipe()));

        Assert.Matches(@"it gives \d+ training tokens, the recipe asks for 98304\. .* --set data\.trainTokens=\d+\.", e.Message);
    }

    [Fact]
    public void FromText_OfEqualParagraphs_SaysThatTheyCountOnce()
    {
        var text = string.Concat(Enumerable.Repeat(new string('a', 1_990) + "\n\n", 40));

        var e = Assert.Throws<CorpusException>(() => PreparedData.FromText([folder.Write("a.txt", text)], new DataRecipe()));

        Assert.Contains(
            "39 stretches of up to 2000 bytes are equal to earlier ones, which count once.",
            e.Message,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n \n")]
    [InlineData("short")]
    public void FromText_OfNothingToSpeakOf_IsTooLittle(string text) =>
        Assert.Throws<CorpusException>(() => PreparedData.FromText([folder.Write("a.txt", text)], Small));

    [Fact]
    public void FromText_OfAMissingFile_NamesIt()
    {
        var e = Assert.Throws<CorpusException>(() => PreparedData.FromText([Path.Combine(folder.Path, "none.txt")], Small));

        Assert.Contains("none.txt' cannot be read", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FromText_OfBytesThatAreNoUtf8_SaysSo()
    {
        var path = Path.Combine(folder.Path, "latin1.txt");
        File.WriteAllBytes(path, [0x61, 0xe9, 0x62]);

        Assert.Contains(
            "is not UTF-8 text: it has the bytes E9. Convert it,",
            Assert.Throws<CorpusException>(() => PreparedData.FromText([path], Small)).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void FromText_OfOneEndlessWord_CutsItIntoDocuments()
    {
        var random = new Random(5);
        var word = string.Concat(Enumerable.Range(0, 9_000).Select(_ => char.ConvertFromUtf32(0x1F600 + random.Next(60))));

        var data = PreparedData.FromText(
            [folder.Write("word.txt", word)],
            new DataRecipe
            {
                TrainTokens = 2_000,
                FitnessTokens = 0,
                ValidationTokens = 2_000,
            }
        );

        Assert.Null(data.Fitness);
        Assert.All(
            ByteTokens.Texts(data.Train),
            text => Assert.DoesNotContain('\uFFFD', Encoding.UTF8.GetString(text.AsSpan(0, text.Length / 4 * 4)))
        );
    }

    [Fact]
    public void Take_WhenTheLastDocumentIsTooLong_CutsItToTheToken()
    {
        var set = ByteTokens.Take(
            [
                [1, 2, 3],
                [4, 5, 6],
            ],
            6,
            "training",
            "data.trainTokens"
        );

        Assert.Equal([256, 1, 2, 3, 256, 4], Ids(set));
        Assert.Equal([0L, 4], set.DocumentStarts);
        Assert.Equal(
            [
                [1, 2, 3],
                [4],
            ],
            ByteTokens.Texts(set)
        );
    }

    private static int[] Ids(TokenSet set)
    {
        var ids = new int[set.Length];
        set.Read(0, ids);
        return ids;
    }

    private static string Hash(PreparedData data) =>
        Convert.ToHexString(
            SHA256.HashData([.. new[] { data.Train, data.Fitness!, data.Validation }.SelectMany(Ids).SelectMany(BitConverter.GetBytes)])
        );

    /// <summary>Paragraphs of random words: no two share 40 characters.</summary>
    private static string Prose(int seed, int paragraphs)
    {
        var random = new Random(seed);
        string Word() => string.Concat(Enumerable.Range(0, random.Next(2, 9)).Select(_ => (char)random.Next('a', 'z' + 1)));
        return string.Join(
            "\n\n",
            Enumerable.Range(0, paragraphs).Select(_ => string.Join(' ', Enumerable.Range(0, 100).Select(_ => Word())) + ".")
        );
    }
}
