using System.Text;

namespace Slowrun.Client.Tokenizers;

/// <summary>Byte-pair encoding of one word in n log n steps: a megabyte of one letter must not take hours.</summary>
internal sealed class LongWordMerge
{
    private readonly Dictionary<string, int> ids = new(StringComparer.Ordinal);

    /// <param name="tokens">Each token's bytes; the lower its id, the earlier it is merged.</param>
    public LongWordMerge(IReadOnlyList<byte[]> tokens)
    {
        for (var id = 0; id < tokens.Count; id++)
        {
            ids.Add(Gpt2Vocabulary.Key(tokens[id]), id);
        }
    }

    public IReadOnlyList<int> Encode(ReadOnlySpan<char> word)
    {
        var utf8 = new byte[Encoding.UTF8.GetByteCount(word)];
        Encoding.UTF8.GetBytes(word, utf8);
        var bytes = Gpt2Vocabulary.Key(utf8);
        var known = ids.GetAlternateLookup<ReadOnlySpan<char>>();

        // A part reaches from its index to next[index]; merged ones are no longer anybody's next.
        var next = new int[bytes.Length + 1];
        var previous = new int[bytes.Length + 1];
        var pairs = new PriorityQueue<(int Left, int Middle, int End), (int Id, int Left)>();
        for (var i = 0; i <= bytes.Length; i++)
        {
            (next[i], previous[i]) = (i + 1, i - 1);
        }

        void Offer(int left)
        {
            if (left >= 0 && next[left] < bytes.Length && known.TryGetValue(bytes.AsSpan(left, next[next[left]] - left), out var id))
            {
                pairs.Enqueue((left, next[left], next[next[left]]), (id, left));
            }
        }

        for (var i = 0; i < bytes.Length; i++)
        {
            Offer(i);
        }

        while (pairs.TryDequeue(out var pair, out _))
        {
            // Either half may have been merged with something else since.
            if (next[pair.Left] == pair.Middle && next[pair.Middle] == pair.End)
            {
                next[pair.Left] = pair.End;
                next[pair.Middle] = -1;
                previous[pair.End] = pair.Left;
                Offer(pair.Left);
                Offer(previous[pair.Left]);
            }
        }

        var encoded = new List<int>();
        for (var i = 0; i < bytes.Length; i = next[i])
        {
            encoded.Add(known[bytes.AsSpan(i, next[i] - i)]);
        }

        return encoded;
    }
}
