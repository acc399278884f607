namespace Slowrun.Training.Models;

/// <summary>
/// Keys and values of the tokens that one model has read so far, for one sequence. One for each visit of a layer, not for each layer: a
/// looped or recurrent pass visits a layer with other activations each time.
/// </summary>
/// <param name="capacity">Tokens at most: the model's sequence length, for which it has positions.</param>
internal sealed class KeyValueCache(long capacity) : IDisposable
{
    private readonly Dictionary<int, VisitCache> visits = [];

    /// <summary>Tokens read.</summary>
    public long Length { get; private set; }

    public long Capacity => capacity;

    /// <param name="number">Counts a pass's visits of layers.</param>
    public VisitCache Visit(int number)
    {
        if (!visits.TryGetValue(number, out var visit))
        {
            visits.Add(number, visit = new VisitCache(this));
        }

        return visit;
    }

    /// <summary>All visits have been made with these many more tokens.</summary>
    public void Advance(long tokens) => Length += tokens;

    /// <summary>Forgets all tokens and keeps the memory.</summary>
    public void Clear() => Length = 0;

    public void Dispose()
    {
        foreach (var visit in visits.Values)
        {
            visit.Dispose();
        }

        visits.Clear();
    }
}
