namespace Slowrun.Client.Cli;

/// <summary>Data that the user names beside a spec.</summary>
/// <param name="TextFiles">Text to prepare as bytes; empty: none.</param>
/// <param name="Prepared">A prepared directory, or the hash of data in the store.</param>
internal sealed record GivenData(IReadOnlyList<string> TextFiles, string? Prepared);
