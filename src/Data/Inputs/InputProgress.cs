namespace Slowrun.Data.Inputs;

/// <summary>How far reading and tokenizing are; written by one thread each, read by others.</summary>
public sealed class InputProgress
{
    private long bytes;
    private long tokens;

    /// <summary>Of the files as they lie there.</summary>
    public long Bytes => Interlocked.Read(ref bytes);

    public long Tokens => Interlocked.Read(ref tokens);

    public void Add(long count) => Interlocked.Add(ref bytes, count);

    public void SetTokens(long count) => Interlocked.Exchange(ref tokens, count);
}
