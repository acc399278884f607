namespace Slowrun.Core.Tokens;

/// <summary>Input that is in none of a <see cref="DataManifest"/>'s sets.</summary>
/// <param name="Reason">For people.</param>
/// <param name="Bytes">Of text, or, where a file was not read, of the file; null where that is not known.</param>
/// <param name="Count">Documents, rows or files that it is about.</param>
public sealed record DataLeftOut(string Reason, long? Bytes, long Count);
