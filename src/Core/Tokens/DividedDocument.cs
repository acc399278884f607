namespace Slowrun.Core.Tokens;

/// <summary>A document whose front one set of a <see cref="DataManifest"/> has, and what follows another one.</summary>
/// <param name="Source">The file it is in.</param>
/// <param name="From">The set that it fills up.</param>
/// <param name="To">The set that it goes on in.</param>
/// <param name="At">What ends there: paragraph, line, sentence, word or token.</param>
/// <param name="LeftOutBytes">Text between the two, up to that place.</param>
public sealed record DividedDocument(string Source, string From, string To, string At, long LeftOutBytes);
