namespace Slowrun.Data.Corpus;

/// <summary>There is no text, or too little; the message says what to do.</summary>
public sealed class CorpusException(string message) : Exception(message);
