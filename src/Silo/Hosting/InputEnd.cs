namespace Slowrun.Silo.Hosting;

/// <summary>Watches for the end of standard input: the process at its other end has ended, or asks this one to stop.</summary>
internal static class InputEnd
{
    /// <param name="input">Closed when it has ended.</param>
    /// <param name="ended">Called once, on a thread of its own.</param>
    /// <returns>Ends after <paramref name="ended"/>.</returns>
    public static Task Watch(Stream input, Action ended) =>
        // Reading the console cannot be cancelled, so a thread of its own does it, for which the process does not wait.
        Task.Factory.StartNew(
            () =>
            {
                ReadToEnd(input);
                ended();
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default
        );

    private static void ReadToEnd(Stream input)
    {
        using var owned = input;
        var buffer = new byte[64];
        try
        {
            while (input.Read(buffer) > 0) { }
        }
        catch (IOException)
        {
            // A broken pipe is an end of file.
        }
    }
}
