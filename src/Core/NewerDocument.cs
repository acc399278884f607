namespace Slowrun.Core;

/// <summary>
/// A document that is whole, as its seal shows, but that this version cannot read: a newer version has written it. It is refused like a
/// damaged one (<see cref="InvalidDataException"/>), but never repaired, deleted or written over.
/// </summary>
public static class NewerDocument
{
    private const string Key = "slowrun.newer";

    /// <param name="what">The document, for people.</param>
    /// <param name="reason">A sentence: what this version cannot read.</param>
    public static InvalidDataException Refusal(string what, string reason, Exception? inner = null) =>
        new(
            $"'{what}' was written by a newer version of slowrun: {reason} Update this program, or leave the store to the newer one.",
            inner
        )
        {
            Data = { [Key] = true },
        };

    public static bool IsRefusal(InvalidDataException e) => e?.Data.Contains(Key) == true;
}
