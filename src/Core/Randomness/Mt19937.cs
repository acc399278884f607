namespace Slowrun.Core.Randomness;

/// <summary>
/// The Mersenne Twister (Matsumoto and Nishimura 1998) with the permutations and normals that PyTorch draws from it on CPU, so that data
/// order and noise equal upstream's without libtorch's global state. Not safe to share between threads.
/// </summary>
public sealed class Mt19937
{
    private const int N = 624;
    private const int M = 397;

    private readonly uint[] state = new uint[N];
    private int next = N;
    private double? cachedNormal;

    /// <param name="seed">The low 32 bits count, as in PyTorch.</param>
    public Mt19937(long seed)
    {
        state[0] = unchecked((uint)seed);
        for (uint i = 1; i < N; i++)
        {
            var before = state[i - 1];
            state[i] = unchecked((1812433253u * (before ^ (before >> 30))) + i);
        }
    }

    /// <summary>A permutation of 0..n-1 from a fresh generator: <c>torch.randperm(n, generator=seed)</c>.</summary>
    public static int[] Permutation(long seed, int n) => new Mt19937(seed).NextPermutation(n);

    public uint NextUInt32()
    {
        if (next == N)
        {
            Twist();
        }

        var y = state[next++];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c5680u;
        y ^= (y << 15) & 0xefc60000u;
        return y ^ (y >> 18);
    }

    /// <summary>A permutation of 0..n-1, as <c>torch.randperm</c> draws it from this generator.</summary>
    public int[] NextPermutation(int n)
    {
        var permutation = new int[n];
        for (var i = 0; i < n; i++)
        {
            permutation[i] = i;
        }

        for (var i = 0; i < n - 1; i++)
        {
            var other = i + (int)(NextUInt32() % (uint)(n - i));
            (permutation[i], permutation[other]) = (permutation[other], permutation[i]);
        }

        return permutation;
    }

    /// <summary>Standard normals as <c>torch.randn</c> draws them; tensors of 16 numbers and more go another way than small ones.</summary>
    public void NextNormals(Span<float> into)
    {
        if (into.Length < 16)
        {
            foreach (ref var number in into)
            {
                number = (float)NextNormal();
            }

            return;
        }

        foreach (ref var number in into)
        {
            number = NextUniform();
        }

        for (var start = 0; start + 16 <= into.Length; start += 16)
        {
            BoxMuller(into.Slice(start, 16));
        }

        if (into.Length % 16 != 0)
        {
            // The last block overlaps the one before it, and is drawn anew.
            var tail = into[^16..];
            foreach (ref var number in tail)
            {
                number = NextUniform();
            }

            BoxMuller(tail);
        }
    }

    /// <summary>24 random bits as a number in [0, 1).</summary>
    private float NextUniform() => (NextUInt32() & 0xffffff) * (1f / (1 << 24));

    private static void BoxMuller(Span<float> block)
    {
        for (var j = 0; j < 8; j++)
        {
            var radius = Math.Sqrt(-2 * Math.Log(1 - block[j]));
            var (sine, cosine) = Math.SinCos(2 * Math.PI * block[j + 8]);
            block[j] = (float)(radius * cosine);
            block[j + 8] = (float)(radius * sine);
        }
    }

    /// <summary>One of a pair; the second of it waits for the next call, even one for another tensor.</summary>
    private double NextNormal()
    {
        if (cachedNormal is { } cached)
        {
            cachedNormal = null;
            return cached;
        }

        var u1 = NextUniform53();
        var u2 = NextUniform53();
        var radius = Math.Sqrt(-2 * double.LogP1(-u2));
        var (sine, cosine) = Math.SinCos(2 * Math.PI * u1);
        cachedNormal = radius * sine;
        return radius * cosine;
    }

    private double NextUniform53()
    {
        var high = (ulong)NextUInt32() << 32;
        return ((high | NextUInt32()) & ((1UL << 53) - 1)) * (1.0 / (1L << 53));
    }

    private void Twist()
    {
        for (var i = 0; i < N; i++)
        {
            var y = (state[i] & 0x80000000u) | (state[(i + 1) % N] & 0x7fffffffu);
            state[i] = state[(i + M) % N] ^ (y >> 1) ^ ((y & 1) * 0x9908b0dfu);
        }

        next = 0;
    }
}
