namespace Slowrun.Storage;

/// <summary>What a store can offer whose objects are files of this machine.</summary>
public interface ILocalFiles
{
    /// <summary>
    /// The regular file that is an object, to be mapped or read at any place; null where there is none. It is never written in place, and
    /// the one that was opened is meant: its path may stand for another a moment later.
    /// </summary>
    /// <exception cref="InvalidDataException">Something else has the name (a pipe, a link), or a link is on the way.</exception>
    FileStream? TryOpenFile(string name);
}
