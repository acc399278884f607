namespace Slowrun.Client.Corpus;

/// <summary>There is no text, or too little of it; the message says what to do.</summary>
internal sealed class CorpusException(string message) : Exception(message);
