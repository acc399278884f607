using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Slowrun.Training.Kernels;

/// <summary>
/// Matrix products of a block's eight queries. The order of summation of each element is fixed. Where the processor has 32 registers, two
/// vectors of results are computed together and share the broadcast operand; otherwise one.
/// </summary>
internal sealed unsafe partial class AttentionKernel
{
    /// <summary>Packs [T, padded d] into panels of sixteen keys, [padded T / 16, padded d, 16], so that products read memory in order. Keys
    /// from T on stay 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Transpose(float* from, float* to)
    {
        var dp = shape.PaddedWidth;
        for (var first = 0; first < shape.Length; first += Simd.Width)
        {
            var count = Math.Min(Simd.Width, shape.Length - first);
            for (var j = 0; j < dp; j++, from++, to += Simd.Width)
            {
                for (var t = 0; t < count; t++)
                {
                    to[t] = from[t * dp];
                }
            }

            from += (Simd.Width - 1) * dp;
        }
    }

    /// <summary>Multiplies eight rows with the keys from <paramref name="low"/> to <paramref name="high"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Scores(float* rows, float* panels, int low, int high, float* to)
    {
        var (d, dp, ld) = (shape.Width, shape.PaddedWidth, (long)keys);
        var j = low;
        if (Vector512.IsHardwareAccelerated)
        {
            // Two panels share the loads of the rows; with fewer registers there is room for one.
            for (; j + Simd.Width < high; j += 2 * Simd.Width)
            {
                Vector512<float> s0 = default,
                    s1 = default,
                    s2 = default,
                    s3 = default,
                    s4 = default,
                    s5 = default,
                    s6 = default,
                    s7 = default,
                    t0 = default,
                    t1 = default,
                    t2 = default,
                    t3 = default,
                    t4 = default,
                    t5 = default,
                    t6 = default,
                    t7 = default;
                var from = rows;
                var key = panels + ((long)j * dp);
                var next = (long)Simd.Width * dp;
                for (var i = 0; i < d; i++, from++, key += Simd.Width)
                {
                    var (x, z) = (Vector512.Load(key), Vector512.Load(key + next));
                    var r0 = Vector512.Create(from[0]);
                    s0 = Simd.MulAdd(r0, x, s0);
                    t0 = Simd.MulAdd(r0, z, t0);
                    var r1 = Vector512.Create(from[dp]);
                    s1 = Simd.MulAdd(r1, x, s1);
                    t1 = Simd.MulAdd(r1, z, t1);
                    var r2 = Vector512.Create(from[2 * dp]);
                    s2 = Simd.MulAdd(r2, x, s2);
                    t2 = Simd.MulAdd(r2, z, t2);
                    var r3 = Vector512.Create(from[3 * dp]);
                    s3 = Simd.MulAdd(r3, x, s3);
                    t3 = Simd.MulAdd(r3, z, t3);
                    var r4 = Vector512.Create(from[4 * dp]);
                    s4 = Simd.MulAdd(r4, x, s4);
                    t4 = Simd.MulAdd(r4, z, t4);
                    var r5 = Vector512.Create(from[5 * dp]);
                    s5 = Simd.MulAdd(r5, x, s5);
                    t5 = Simd.MulAdd(r5, z, t5);
                    var r6 = Vector512.Create(from[6 * dp]);
                    s6 = Simd.MulAdd(r6, x, s6);
                    t6 = Simd.MulAdd(r6, z, t6);
                    var r7 = Vector512.Create(from[7 * dp]);
                    s7 = Simd.MulAdd(r7, x, s7);
                    t7 = Simd.MulAdd(r7, z, t7);
                }

                var at = to + j;
                s0.Store(at);
                s1.Store(at + ld);
                s2.Store(at + (2 * ld));
                s3.Store(at + (3 * ld));
                s4.Store(at + (4 * ld));
                s5.Store(at + (5 * ld));
                s6.Store(at + (6 * ld));
                s7.Store(at + (7 * ld));
                at += Simd.Width;
                t0.Store(at);
                t1.Store(at + ld);
                t2.Store(at + (2 * ld));
                t3.Store(at + (3 * ld));
                t4.Store(at + (4 * ld));
                t5.Store(at + (5 * ld));
                t6.Store(at + (6 * ld));
                t7.Store(at + (7 * ld));
            }
        }

        for (; j < high; j += Simd.Width)
        {
            Vector512<float> s0 = default,
                s1 = default,
                s2 = default,
                s3 = default,
                s4 = default,
                s5 = default,
                s6 = default,
                s7 = default;
            var from = rows;
            var key = panels + ((long)j * dp);
            for (var i = 0; i < d; i++, from++, key += Simd.Width)
            {
                var x = Vector512.Load(key);
                s0 = Simd.MulAdd(Vector512.Create(from[0]), x, s0);
                s1 = Simd.MulAdd(Vector512.Create(from[dp]), x, s1);
                s2 = Simd.MulAdd(Vector512.Create(from[2 * dp]), x, s2);
                s3 = Simd.MulAdd(Vector512.Create(from[3 * dp]), x, s3);
                s4 = Simd.MulAdd(Vector512.Create(from[4 * dp]), x, s4);
                s5 = Simd.MulAdd(Vector512.Create(from[5 * dp]), x, s5);
                s6 = Simd.MulAdd(Vector512.Create(from[6 * dp]), x, s6);
                s7 = Simd.MulAdd(Vector512.Create(from[7 * dp]), x, s7);
            }

            var at = to + j;
            s0.Store(at);
            s1.Store(at + ld);
            s2.Store(at + (2 * ld));
            s3.Store(at + (3 * ld));
            s4.Store(at + (4 * ld));
            s5.Store(at + (5 * ld));
            s6.Store(at + (6 * ld));
            s7.Store(at + (7 * ld));
        }
    }

    /// <summary>Multiplies eight rows of weights with the vectors from <paramref name="low"/> to <paramref name="high"/>.</summary>
    /// <param name="to">[8, padded d]; written.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Weighted(float* weights, float* vectors, int low, int high, float* to)
    {
        var (dp, ld) = (shape.PaddedWidth, (long)keys);
        var part = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; part + Simd.Width < dp; part += 2 * Simd.Width)
            {
                Vector512<float> s0 = default,
                    s1 = default,
                    s2 = default,
                    s3 = default,
                    s4 = default,
                    s5 = default,
                    s6 = default,
                    s7 = default,
                    t0 = default,
                    t1 = default,
                    t2 = default,
                    t3 = default,
                    t4 = default,
                    t5 = default,
                    t6 = default,
                    t7 = default;
                var weight = weights + low;
                var from = vectors + ((long)low * dp) + part;
                for (var j = low; j < high; j++, weight++, from += dp)
                {
                    var (x, z) = (Vector512.Load(from), Vector512.Load(from + Simd.Width));
                    var w0 = Vector512.Create(weight[0]);
                    s0 = Simd.MulAdd(w0, x, s0);
                    t0 = Simd.MulAdd(w0, z, t0);
                    var w1 = Vector512.Create(weight[ld]);
                    s1 = Simd.MulAdd(w1, x, s1);
                    t1 = Simd.MulAdd(w1, z, t1);
                    var w2 = Vector512.Create(weight[2 * ld]);
                    s2 = Simd.MulAdd(w2, x, s2);
                    t2 = Simd.MulAdd(w2, z, t2);
                    var w3 = Vector512.Create(weight[3 * ld]);
                    s3 = Simd.MulAdd(w3, x, s3);
                    t3 = Simd.MulAdd(w3, z, t3);
                    var w4 = Vector512.Create(weight[4 * ld]);
                    s4 = Simd.MulAdd(w4, x, s4);
                    t4 = Simd.MulAdd(w4, z, t4);
                    var w5 = Vector512.Create(weight[5 * ld]);
                    s5 = Simd.MulAdd(w5, x, s5);
                    t5 = Simd.MulAdd(w5, z, t5);
                    var w6 = Vector512.Create(weight[6 * ld]);
                    s6 = Simd.MulAdd(w6, x, s6);
                    t6 = Simd.MulAdd(w6, z, t6);
                    var w7 = Vector512.Create(weight[7 * ld]);
                    s7 = Simd.MulAdd(w7, x, s7);
                    t7 = Simd.MulAdd(w7, z, t7);
                }

                var at = to + part;
                s0.Store(at);
                s1.Store(at + dp);
                s2.Store(at + (2 * dp));
                s3.Store(at + (3 * dp));
                s4.Store(at + (4 * dp));
                s5.Store(at + (5 * dp));
                s6.Store(at + (6 * dp));
                s7.Store(at + (7 * dp));
                at += Simd.Width;
                t0.Store(at);
                t1.Store(at + dp);
                t2.Store(at + (2 * dp));
                t3.Store(at + (3 * dp));
                t4.Store(at + (4 * dp));
                t5.Store(at + (5 * dp));
                t6.Store(at + (6 * dp));
                t7.Store(at + (7 * dp));
            }
        }

        for (; part < dp; part += Simd.Width)
        {
            Vector512<float> s0 = default,
                s1 = default,
                s2 = default,
                s3 = default,
                s4 = default,
                s5 = default,
                s6 = default,
                s7 = default;
            var weight = weights + low;
            var from = vectors + ((long)low * dp) + part;
            for (var j = low; j < high; j++, weight++, from += dp)
            {
                var x = Vector512.Load(from);
                s0 = Simd.MulAdd(Vector512.Create(weight[0]), x, s0);
                s1 = Simd.MulAdd(Vector512.Create(weight[ld]), x, s1);
                s2 = Simd.MulAdd(Vector512.Create(weight[2 * ld]), x, s2);
                s3 = Simd.MulAdd(Vector512.Create(weight[3 * ld]), x, s3);
                s4 = Simd.MulAdd(Vector512.Create(weight[4 * ld]), x, s4);
                s5 = Simd.MulAdd(Vector512.Create(weight[5 * ld]), x, s5);
                s6 = Simd.MulAdd(Vector512.Create(weight[6 * ld]), x, s6);
                s7 = Simd.MulAdd(Vector512.Create(weight[7 * ld]), x, s7);
            }

            var at = to + part;
            s0.Store(at);
            s1.Store(at + dp);
            s2.Store(at + (2 * dp));
            s3.Store(at + (3 * dp));
            s4.Store(at + (4 * dp));
            s5.Store(at + (5 * dp));
            s6.Store(at + (6 * dp));
            s7.Store(at + (7 * dp));
        }
    }

    /// <summary>Adds eight rows, each multiplied with its weight for a key, to the gradient of the keys from <paramref name="low"/> to
    /// <paramref name="high"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Spread(float* weights, float* rows, float* gradient, int low, int high)
    {
        var (dp, ld) = (shape.PaddedWidth, (long)keys);
        var part = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; part + Simd.Width < dp; part += 2 * Simd.Width)
            {
                var from = rows + part;
                var (r0, p0) = (Vector512.Load(from), Vector512.Load(from + Simd.Width));
                var (r1, p1) = (Vector512.Load(from + dp), Vector512.Load(from + dp + Simd.Width));
                var (r2, p2) = (Vector512.Load(from + (2 * dp)), Vector512.Load(from + (2 * dp) + Simd.Width));
                var (r3, p3) = (Vector512.Load(from + (3 * dp)), Vector512.Load(from + (3 * dp) + Simd.Width));
                var (r4, p4) = (Vector512.Load(from + (4 * dp)), Vector512.Load(from + (4 * dp) + Simd.Width));
                var (r5, p5) = (Vector512.Load(from + (5 * dp)), Vector512.Load(from + (5 * dp) + Simd.Width));
                var (r6, p6) = (Vector512.Load(from + (6 * dp)), Vector512.Load(from + (6 * dp) + Simd.Width));
                var (r7, p7) = (Vector512.Load(from + (7 * dp)), Vector512.Load(from + (7 * dp) + Simd.Width));
                var weight = weights + low;
                var to = gradient + ((long)low * dp) + part;
                for (var j = low; j < high; j++, weight++, to += dp)
                {
                    var w = Vector512.Create(weight[0]);
                    var left = Simd.MulAdd(w, r0, Vector512.Load(to));
                    var left2 = Simd.MulAdd(w, p0, Vector512.Load(to + Simd.Width));
                    w = Vector512.Create(weight[ld]);
                    var (right, right2) = (w * r1, w * p1);
                    w = Vector512.Create(weight[2 * ld]);
                    left = Simd.MulAdd(w, r2, left);
                    left2 = Simd.MulAdd(w, p2, left2);
                    w = Vector512.Create(weight[3 * ld]);
                    right = Simd.MulAdd(w, r3, right);
                    right2 = Simd.MulAdd(w, p3, right2);
                    w = Vector512.Create(weight[4 * ld]);
                    left = Simd.MulAdd(w, r4, left);
                    left2 = Simd.MulAdd(w, p4, left2);
                    w = Vector512.Create(weight[5 * ld]);
                    right = Simd.MulAdd(w, r5, right);
                    right2 = Simd.MulAdd(w, p5, right2);
                    w = Vector512.Create(weight[6 * ld]);
                    left = Simd.MulAdd(w, r6, left);
                    left2 = Simd.MulAdd(w, p6, left2);
                    w = Vector512.Create(weight[7 * ld]);
                    right = Simd.MulAdd(w, r7, right);
                    right2 = Simd.MulAdd(w, p7, right2);
                    (left + right).Store(to);
                    (left2 + right2).Store(to + Simd.Width);
                }
            }
        }

        for (; part < dp; part += Simd.Width)
        {
            var from = rows + part;
            var (r0, r1, r2, r3) = (
                Vector512.Load(from),
                Vector512.Load(from + dp),
                Vector512.Load(from + (2 * dp)),
                Vector512.Load(from + (3 * dp))
            );
            var (r4, r5, r6, r7) = (
                Vector512.Load(from + (4 * dp)),
                Vector512.Load(from + (5 * dp)),
                Vector512.Load(from + (6 * dp)),
                Vector512.Load(from + (7 * dp))
            );
            var weight = weights + low;
            var to = gradient + ((long)low * dp) + part;
            for (var j = low; j < high; j++, weight++, to += dp)
            {
                // Two independent sums of four: one sum of eight would be a single chain of dependent instructions.
                var left = Simd.MulAdd(Vector512.Create(weight[0]), r0, Vector512.Load(to));
                var right = Vector512.Create(weight[ld]) * r1;
                left = Simd.MulAdd(Vector512.Create(weight[2 * ld]), r2, left);
                right = Simd.MulAdd(Vector512.Create(weight[3 * ld]), r3, right);
                left = Simd.MulAdd(Vector512.Create(weight[4 * ld]), r4, left);
                right = Simd.MulAdd(Vector512.Create(weight[5 * ld]), r5, right);
                left = Simd.MulAdd(Vector512.Create(weight[6 * ld]), r6, left);
                right = Simd.MulAdd(Vector512.Create(weight[7 * ld]), r7, right);
                (left + right).Store(to);
            }
        }
    }
}
