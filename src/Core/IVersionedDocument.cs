namespace Slowrun.Core;

/// <summary>A document that says which form it has. One of a newer form than this version knows is refused
/// (<see cref="NewerDocument"/>).</summary>
public interface IVersionedDocument
{
    int Version { get; }

    /// <summary>The newest form that this version of slowrun reads.</summary>
    int Newest { get; }
}
