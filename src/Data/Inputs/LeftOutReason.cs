namespace Slowrun.Data.Inputs;

/// <summary>Why bytes of a file are in no document.</summary>
internal enum LeftOutReason
{
    /// <summary>They stand where a document was expected, and are none.</summary>
    NoDocument,

    /// <summary>Separators, line ends, empty lines and marks around documents.</summary>
    Separator,
}
