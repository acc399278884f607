namespace Slowrun.Data.Corpus;

/// <summary>There is no text, or too little of it; the message says what to do.</summary>
public sealed class CorpusException(string message) : Exception(message);
