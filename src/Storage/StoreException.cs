namespace Slowrun.Storage;

/// <summary>The store cannot be used as asked; <see cref="Problem"/> says whether waiting helps. The message says what to do.</summary>
public sealed class StoreException : IOException
{
    public StoreException(StoreProblem problem, string message, Exception? inner = null)
        : base(message, inner) => Problem = problem;

    public StoreProblem Problem { get; }
}

public enum StoreProblem
{
    /// <summary>There is no such directory or container.</summary>
    Missing,

    /// <summary>The address or the place it names cannot hold a store.</summary>
    Unsuitable,

    /// <summary>No permission, or wrong or missing credentials.</summary>
    Denied,

    ReadOnly,

    /// <summary>No space or quota left.</summary>
    Full,

    /// <summary>Did not answer, or too slowly, in spite of retries: may work again later.</summary>
    Unreachable,
}
