using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Slowrun.Data.Corpus;

/// <summary>Documents of the three sets, each a text of whole paragraphs, in an order that follows from their names alone.</summary>
internal sealed record SplitText(IReadOnlyList<byte[]> Train, IReadOnlyList<byte[]> Fitness, IReadOnlyList<byte[]> Validation)
{
    /// <summary>Paragraphs of fitness and validation that were dropped, since a stretch of them is in training too.</summary>
    public required int DroppedParagraphs { get; init; }

    public required int CheckedParagraphs { get; init; }

    /// <summary>Documents that were equal to one before them, and do not count.</summary>
    public int Repeated { get; init; }

    /// <summary>What was left out, in a sentence, for who misses text; empty: nothing.</summary>
    public string LeftOut =>
        string.Join(
            ' ',
            new[]
            {
                Repeated == 0
                    ? ""
                    : FormattableString.Invariant(
                        $"{Repeated} stretches of up to {DocumentSplit.LongestBytes} bytes are equal to earlier ones, which count once."
                    ),
                DroppedParagraphs == 0
                    ? ""
                    : FormattableString.Invariant(
                        $"{DroppedParagraphs} of {CheckedParagraphs} held-out paragraphs share {TextWindows.LengthBytes} characters with training and were dropped."
                    ),
            }.Where(part => part.Length > 0)
        );
}

/// <summary>Divides documents by hash, so that a document's set depends on nothing but its own family.</summary>
internal static class DocumentSplit
{
    /// <summary>Without this limit one type was 31 % of a small training set, and results depended on which of the largest types were in
    /// it.</summary>
    public const int LongestBytes = 2_000;

    public const int ShortestBytes = 120;

    // Shares of 100 that suit the demo: it validates on two thirds of the bytes that it trains on.
    private const int TrainShare = 60;
    private const int FitnessShare = 10;

    public static SplitText Split(IReadOnlyList<TextDocument> documents)
    {
        // By hash, not by name: the front of a set is then a fair sample of the whole.
        var ordered = documents
            .Select(document => (Place: Convert.ToHexString(Hash(document.Name)), Share: Share(document.Family), document.Paragraphs))
            .OrderBy(document => document.Place, StringComparer.Ordinal)
            .ToList();
        var train = ordered
            .Where(document => document.Share < TrainShare)
            .Select(document => Capped(document.Paragraphs))
            .Where(IsLongEnough)
            .ToList();

        var windows = new TextWindows();
        train.ForEach(document => windows.Add(document));
        var (dropped, looked) = (0, 0);
        List<byte[]> Apart(int from, int to) =>
            [
                .. ordered
                    .Where(document => document.Share >= from && document.Share < to)
                    .Select(document =>
                        Capped(
                            [
                                .. document.Paragraphs.Where(paragraph =>
                                {
                                    looked++;
                                    var shared = windows.Shared(Encoding.UTF8.GetBytes(paragraph)) > 0;
                                    dropped += shared ? 1 : 0;
                                    return !shared;
                                }),
                            ]
                        )
                    )
                    .Where(IsLongEnough),
            ];
        var fitness = Apart(TrainShare, TrainShare + FitnessShare);
        var validation = Apart(TrainShare + FitnessShare, 100);
        return new SplitText(train, fitness, validation) { DroppedParagraphs = dropped, CheckedParagraphs = looked };
    }

    /// <summary>The paragraphs from the front that fit, a line each; of a first one that is too long itself, the sentences that
    /// fit.</summary>
    private static byte[] Capped(IReadOnlyList<string> paragraphs)
    {
        var text = new MemoryStream();
        foreach (var paragraph in paragraphs)
        {
            var bytes = Encoding.UTF8.GetBytes(paragraph + "\n");
            if (text.Length + bytes.Length > LongestBytes)
            {
                return text.Length == 0 ? FirstSentences(bytes) : text.ToArray();
            }

            text.Write(bytes);
        }

        return text.ToArray();
    }

    private static byte[] FirstSentences(byte[] paragraph)
    {
        var end = paragraph.AsSpan(0, LongestBytes - 1).LastIndexOf(". "u8);
        return end < 0 ? [] : [.. paragraph.AsSpan(0, end + 1), (byte)'\n'];
    }

    private static bool IsLongEnough(byte[] document) => document.Length >= ShortestBytes;

    private static int Share(string family) => (int)(BinaryPrimitives.ReadUInt64BigEndian(Hash(family)) % 100);

    private static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
