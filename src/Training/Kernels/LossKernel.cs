using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Slowrun.Training.Distillation;

namespace Slowrun.Training.Kernels;

/// <summary>
/// Softcap, softmax, cross-entropy and the divergence from a teacher, row by row. The gradient overwrites the logits: no other memory of
/// the size of the vocabulary is needed.
/// </summary>
internal static unsafe class LossKernel
{
    /// <param name="logits">[n, V], before the softcap; becomes the gradient.</param>
    /// <param name="taught">[n, V]; overwritten. Null: no teacher.</param>
    /// <param name="targets">For each loss of targets, the target of each row; <see cref="TrainingLoss.Ignored"/>: no
    /// target.</param>
    /// <param name="row">V elements of scratch memory of this thread.</param>
    /// <param name="first">The row of the targets that belongs to the first row of the logits.</param>
    /// <returns>The loss.</returns>
    public static double Run(
        float* logits,
        float* taught,
        ReadOnlySpan<TargetTokens> targets,
        int first,
        in LossTerms terms,
        float* row,
        int n,
        int v
    )
    {
        double loss = 0;
        for (var i = 0; i < n; i++)
        {
            loss += Row(logits + ((long)i * v), taught == null ? null : taught + ((long)i * v), targets, first + i, terms, row, v);
        }

        return loss;
    }

    private static double Row(float* z, float* teacher, ReadOnlySpan<TargetTokens> targets, int index, in LossTerms terms, float* e, int v)
    {
        var top = Capped(z, terms.Softcap, v, out var total);
        var sum = Exponentials(z, e, top, 1, v);
        var logSum = top + Simd.Log(sum);
        double loss = 0,
            counted = 0,
            smooth = 0;
        foreach (var (tokens, share, smoothing) in targets)
        {
            if (tokens[index] is var target && target != TrainingLoss.Ignored)
            {
                counted += share;
                smooth += share * smoothing / v;
                loss += share * (logSum - ((1 - smoothing) * z[target]) - (smoothing * total / v));
            }
        }

        loss *= terms.Hard;
        var slopes = new Slopes(terms.Softcap, (float)(terms.Hard * counted / sum), (float)(terms.Hard * smooth));
        if (teacher != null)
        {
            var inverse = (float)(1 / terms.Temperature);
            var cooled = terms.Temperature == 1 ? sum : Exponentials(z, null, top, inverse, v);
            loss += terms.Soft * Taught(z, teacher, top, cooled, terms, v, out var mass);
            var soft = terms.Soft / terms.Temperature;
            slopes = slopes with { Top = top, Inverse = inverse, OfStudent = (float)(soft * mass / cooled), OfTeacher = (float)soft };
        }

        Slope(z, e, teacher, slopes, v);

        foreach (var (tokens, share, smoothing) in targets)
        {
            if (tokens[index] is var target && target != TrainingLoss.Ignored)
            {
                // e holds the derivative of the softcap here.
                z[target] -= (float)(terms.Hard * share * (1 - smoothing)) * e[target];
            }
        }

        return loss;
    }

    /// <summary>z = cap·tanh(z/cap).</summary>
    /// <returns>The largest element.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Capped(float* z, float cap, int v, out double total)
    {
        var (largest, sum) = (Vector512.Create(float.NegativeInfinity), Vector512<float>.Zero);
        var (inverse, factor) = (Vector512.Create(1 / cap), Vector512.Create(cap));
        for (var i = 0; i < v; i += Simd.Width)
        {
            var s = Simd.Tanh(Simd.Load(z, i, v) * inverse) * factor;
            Simd.Store(s, z, i, v);
            sum += s;
            largest = Vector512.Max(largest, i + Simd.Width <= v ? s : Beyond(s, v - i, float.NegativeInfinity));
        }

        total = Simd.Sum(sum);
        return Simd.Max(largest);
    }

    /// <summary>exp((z - top)·inverse).</summary>
    /// <param name="to">Null: only the sum is computed.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Exponentials(float* z, float* to, float top, float inverse, int v)
    {
        var (shift, factor, sum) = (Vector512.Create(top), Vector512.Create(inverse), Vector512<float>.Zero);
        for (var i = 0; i < v; i += Simd.Width)
        {
            var e = Simd.Exp((Simd.Load(z, i, v) - shift) * factor);
            e = i + Simd.Width <= v ? e : Beyond(e, v - i, 0);
            sum += e;
            if (to != null)
            {
                Simd.Store(e, to, i, v);
            }
        }

        return Simd.Sum(sum);
    }

    /// <summary>Converts a teacher's logits, or the logarithms of its probabilities, to probabilities.</summary>
    /// <param name="mass">The sum of the probabilities.</param>
    /// <returns>Σ p (ln p - ln q).</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Taught(float* z, float* teacher, float top, float sum, in LossTerms terms, int v, out float mass)
    {
        var inverse = (float)(1 / terms.Temperature);
        float teacherTop = 0,
            teacherLog = 0,
            teacherInverse = 1;
        if (!terms.TeacherLogarithms)
        {
            teacherInverse = inverse;
            teacherTop = Capped(teacher, terms.Softcap, v, out _);
            teacherLog = (float)Simd.Log(Exponentials(teacher, null, teacherTop, inverse, v));
        }

        var studentLog = Vector512.Create((float)Simd.Log(sum));
        Vector512<float> divergence = default,
            total = default;
        for (var i = 0; i < v; i += Simd.Width)
        {
            var logP =
                ((Simd.Load(teacher, i, v) - Vector512.Create(teacherTop)) * Vector512.Create(teacherInverse))
                - Vector512.Create(teacherLog);
            var logQ = ((Simd.Load(z, i, v) - Vector512.Create(top)) * Vector512.Create(inverse)) - studentLog;
            var p = Simd.Exp(logP);
            p = i + Simd.Width <= v ? p : Beyond(p, v - i, 0);
            divergence = Simd.MulAdd(p, logP - logQ, divergence);
            total += p;
            Simd.Store(p, teacher, i, v);
        }

        mass = Simd.Sum(total);
        return Simd.Sum(divergence);
    }

    /// <summary>z = its gradient without the part of the targets; e = the derivative of the softcap.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Slope(float* z, float* e, float* teacher, in Slopes slopes, int v)
    {
        var (ofHard, ofSmooth) = (Vector512.Create(slopes.Hard), Vector512.Create(slopes.Smooth));
        var (top, inverse) = (Vector512.Create(slopes.Top), Vector512.Create(slopes.Inverse));
        var (ofStudent, ofTeacher) = (Vector512.Create(slopes.OfStudent), Vector512.Create(slopes.OfTeacher));
        var inverseCap = Vector512.Create(1 / slopes.Softcap);
        var cooled = slopes.Inverse != 1;
        for (var i = 0; i < v; i += Simd.Width)
        {
            var (s, hot) = (Simd.Load(z, i, v), Simd.Load(e, i, v));
            var g = (hot * ofHard) - ofSmooth;
            if (teacher != null)
            {
                var q = cooled ? Simd.Exp((s - top) * inverse) : hot;
                g += (q * ofStudent) - (Simd.Load(teacher, i, v) * ofTeacher);
            }

            var capped = s * inverseCap;
            var slope = Vector512<float>.One - (capped * capped);
            Simd.Store(slope, e, i, v);
            Simd.Store(g * slope, z, i, v);
        }
    }

    /// <summary>The vector with <paramref name="value"/> after the end of the row.</summary>
    private static Vector512<float> Beyond(Vector512<float> x, int count, float value) =>
        Vector512.ConditionalSelect(
            Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count)).AsSingle(),
            x,
            Vector512.Create(value)
        );

    /// <param name="Hard">Coefficient of exp(logit - largest).</param>
    /// <param name="Smooth">Constant term, from label smoothing.</param>
    private readonly record struct Slopes(float Softcap, float Hard, float Smooth)
    {
        /// <summary>The student's largest logit.</summary>
        public float Top { get; init; }

        /// <summary>1 / temperature.</summary>
        public float Inverse { get; init; }

        public float OfStudent { get; init; }

        public float OfTeacher { get; init; }
    }
}
