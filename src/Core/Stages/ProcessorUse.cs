namespace Slowrun.Core.Stages;

/// <summary>What a silo's process uses of its machine's processors and memory, for all its slots together.</summary>
/// <param name="Share">Of the processors that it may use, over the last seconds, 0 to 1; null: not measured yet.</param>
/// <param name="Count">Processors that it may use.</param>
/// <param name="UsedBytes">Memory that it holds.</param>
/// <param name="TotalBytes">Memory of the machine, or of the container; null: not known.</param>
public sealed record ProcessorUse(double? Share, int Count, long UsedBytes, long? TotalBytes) : ExtensibleRecord;
