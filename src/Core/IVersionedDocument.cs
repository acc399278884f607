namespace Slowrun.Core;

/// <summary>A document with a format number. A document of a newer format than this version knows is refused (<see
/// cref="NewerDocument"/>).</summary>
public interface IVersionedDocument
{
    int Version { get; }

    /// <summary>The newest format that this version of slowrun reads.</summary>
    int Newest { get; }
}
