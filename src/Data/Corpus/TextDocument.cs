namespace Slowrun.Data.Corpus;

/// <summary>A piece of text that is never split between sets.</summary>
/// <param name="Name">Unique; its hash decides the document's place in its set.</param>
/// <param name="Family">Its hash decides the set: documents of one family resemble each other and stay together.</param>
internal sealed record TextDocument(string Name, string Family, IReadOnlyList<string> Paragraphs);
