using System.Buffers;

namespace Slowrun.Data.Tokenizers;

/// <summary>
/// Byte-pair encoding of one word in n log n steps and six bytes of memory a byte of text: a megabyte of one letter must take neither
/// hours nor gigabytes. Merges one pair at a time, the one of the lowest id, the leftmost of equal ones, as the plain algorithm does.
/// </summary>
internal sealed class LongWordMerge
{
    private const ushort None = ushort.MaxValue;

    // Positions whose lowest pair is kept: looking through as many is about as fast as a step in the tree above.
    private const int BlockPositions = 32;

    private readonly ushort[] idOfByte = new ushort[256];
    private readonly int[] lengths;

    // The merged token, by the ids of both halves. Several pairs can give the same token.
    private readonly Dictionary<uint, ushort> merged = [];

    /// <param name="tokens">Each token's bytes; the lower its id, the earlier it is merged.</param>
    public LongWordMerge(IReadOnlyList<byte[]> tokens)
    {
        lengths = [.. tokens.Select(token => token.Length)];
        var ids = new Dictionary<string, ushort>(StringComparer.Ordinal);
        for (var id = 0; id < tokens.Count; id++)
        {
            ids.Add(Gpt2Vocabulary.Key(tokens[id]), (ushort)id);
            if (tokens[id] is [var single])
            {
                idOfByte[single] = (ushort)id;
            }
        }

        var known = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var (token, id) in ids)
        {
            for (var at = 1; at < token.Length; at++)
            {
                if (known.TryGetValue(token.AsSpan(0, at), out var left) && known.TryGetValue(token.AsSpan(at), out var right))
                {
                    merged.Add(Pair(left, right), id);
                }
            }
        }
    }

    /// <param name="word">UTF-8, or any bytes.</param>
    public void Encode(ReadOnlySpan<byte> word, IBufferWriter<ushort> encoded)
    {
        if (!word.IsEmpty)
        {
            new Merging(this, word).Run(encoded);
        }
    }

    private static uint Pair(ushort left, ushort right) => ((uint)left << 16) | right;

    /// <summary>One word's parts. A part is known by its first byte's position, and reaches as far as its token has bytes.</summary>
    private readonly ref struct Merging
    {
        private readonly LongWordMerge tables;
        private readonly ushort[] ids;

        // The token that the part beginning here and the next one merge to; None where there is no such token, or no part begins here.
        private readonly ushort[] pairs;

        // At each part's last byte: its length, by which the part before another is found.
        private readonly byte[] lengthsAtEnd;

        // The lowest pair of each block, and above it of each two: a binary heap's numbering, the root at 1.
        private readonly ushort[] lowest;
        private readonly int leaves;

        public Merging(LongWordMerge tables, ReadOnlySpan<byte> word)
        {
            this.tables = tables;
            (ids, pairs, lengthsAtEnd) = (new ushort[word.Length], new ushort[word.Length], new byte[word.Length]);
            for (var at = 0; at < word.Length; at++)
            {
                ids[at] = tables.idOfByte[word[at]];
            }

            lengthsAtEnd.AsSpan().Fill(1);
            leaves = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)((word.Length + BlockPositions - 1) / BlockPositions));
            lowest = new ushort[2 * leaves];
            lowest.AsSpan().Fill(None);
            for (var at = 0; at < word.Length; at++)
            {
                pairs[at] = PairAt(at);
                ref var leaf = ref lowest[leaves + (at / BlockPositions)];
                leaf = Math.Min(leaf, pairs[at]);
            }

            for (var node = leaves - 1; node > 0; node--)
            {
                lowest[node] = Math.Min(lowest[2 * node], lowest[(2 * node) + 1]);
            }
        }

        public void Run(IBufferWriter<ushort> encoded)
        {
            while (lowest[1] != None)
            {
                var id = lowest[1];
                var left = LeftmostOf(id);
                var middle = left + tables.lengths[ids[left]];
                var end = middle + tables.lengths[ids[middle]];
                ids[left] = id;
                lengthsAtEnd[end - 1] = (byte)(end - left);
                Set(middle, None);
                Set(left, PairAt(left));
                if (left > 0)
                {
                    var before = left - lengthsAtEnd[left - 1];
                    Set(before, PairAt(before));
                }
            }

            for (var at = 0; at < ids.Length; at += tables.lengths[ids[at]])
            {
                encoded.GetSpan(1)[0] = ids[at];
                encoded.Advance(1);
            }
        }

        private ushort PairAt(int at)
        {
            var next = at + tables.lengths[ids[at]];
            return next < ids.Length && tables.merged.TryGetValue(Pair(ids[at], ids[next]), out var id) ? id : None;
        }

        private int LeftmostOf(ushort id)
        {
            var node = 1;
            while (node < leaves)
            {
                node = lowest[2 * node] == id ? 2 * node : (2 * node) + 1;
            }

            var begin = (node - leaves) * BlockPositions;
            return begin + pairs.AsSpan(begin).IndexOf(id);
        }

        private void Set(int at, ushort pair)
        {
            pairs[at] = pair;
            var begin = at / BlockPositions * BlockPositions;
            var low = None;
            foreach (var one in pairs.AsSpan(begin, Math.Min(BlockPositions, pairs.Length - begin)))
            {
                low = Math.Min(low, one);
            }

            for (var node = leaves + (at / BlockPositions); node > 0 && lowest[node] != low; node /= 2)
            {
                lowest[node] = low;
                low = node > 1 ? Math.Min(low, lowest[node ^ 1]) : low;
            }
        }
    }
}
