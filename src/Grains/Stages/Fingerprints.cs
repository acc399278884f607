using System.Collections.Concurrent;
using Slowrun.Training.Numerics;

namespace Slowrun.Grains.Stages;

/// <summary>The numerics fingerprint of each kind of device of this machine: a canned training, run once.</summary>
internal sealed class Fingerprints
{
    private readonly ConcurrentDictionary<string, Lazy<string>> known = new(StringComparer.Ordinal);

    // Cores are alike; CUDA devices of one machine may not be.
    public string Of(string slot) => known.GetOrAdd(slot.StartsWith("cpu", StringComparison.Ordinal) ? "cpu:0" : slot, one => new(() => NumericsFingerprint.Of(one))).Value;
}
