namespace Slowrun.Storage;

/// <summary>Creates objects that never change, so that writing one again (after an answer was lost) is no error.</summary>
internal static class ImmutableObjects
{
    /// <param name="content">Seekable; written whole, wherever it stands.</param>
    /// <param name="xxHash128">Of the content.</param>
    /// <exception cref="InvalidDataException">There is an object of that name with other bytes.</exception>
    public static async Task CreateAsync(
        IObjectStore store,
        string name,
        Stream content,
        string xxHash128,
        CancellationToken cancellationToken
    )
    {
        while (true)
        {
            content.Position = 0;
            if (await store.TryCreateAsync(name, content, cancellationToken).ConfigureAwait(false))
            {
                return;
            }

            var found = await store.TryOpenAsync(name, cancellationToken: cancellationToken).ConfigureAwait(false);
            if (found is null)
            {
                // Swept in between: a newer owner cleans up after this one, whose next commit will be fenced.
                continue;
            }

            await using (found.ConfigureAwait(false))
            {
                var foundHash = await ContentHash.OfAsync(found, cancellationToken).ConfigureAwait(false);
                if (found.Length == content.Length && foundHash == xxHash128)
                {
                    return;
                }

                throw new InvalidDataException(
                    $"'{name}' exists with {found.Length} bytes of XxHash128 {foundHash}; to be written were {content.Length} bytes of {xxHash128}. "
                        + "Two writers have used one name: look for a second trainer of the stage."
                );
            }
        }
    }
}
