namespace Slowrun.Storage.Gcs;

/// <summary>What an object is.</summary>
/// <param name="Generation">Google's number of the write that made it; no two writes of a name have the same.</param>
/// <param name="Write">The id of that write; empty: another program's.</param>
internal readonly record struct GcsFound(long Generation, string Write, long Length);
