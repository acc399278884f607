namespace Slowrun.Silo.Preemption;

/// <summary>Finds out of which platform this machine is, by what only that platform's metadata service says.</summary>
internal static class PlatformSearch
{
    /// <summary>How long a platform is waited for: the service is on the machine's own host.</summary>
    public static readonly TimeSpan Within = TimeSpan.FromSeconds(2);

    private static readonly (Platform Platform, Func<MetadataOptions, TimeProvider, CancellationToken, Task<bool>> IsHere)[] Known =
    [
        (Platform.Aws, SpotInstanceActions.IsHereAsync),
        (Platform.Azure, ScheduledEvents.IsHereAsync),
        (Platform.Gcp, ComputeMetadata.IsHereAsync),
    ];

    /// <summary>Asks for all of them at once.</summary>
    /// <returns>One as a rule, or none. More than one: something answers whatever it is asked, so it is none of them.</returns>
    public static async Task<IReadOnlyList<Platform>> FindAsync(
        MetadataOptions options,
        TimeProvider time,
        CancellationToken cancellationToken
    )
    {
        using var limit = new CancellationTokenSource(Within, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var answers = await Task.WhenAll(Known.Select(one => IsHereAsync(one.IsHere, options, time, both.Token)));
        cancellationToken.ThrowIfCancellationRequested();
        return [.. Known.Zip(answers).Where(one => one.Second).Select(one => one.First.Platform)];
    }

    /// <summary>What was found, in a sentence.</summary>
    public static string Sentence(IReadOnlyList<Platform> found, Uri address) =>
        found switch
        {
            [var one] => $"This machine is of {Named(one)}, by its metadata service at {address}.",
            [] =>
                $"No metadata service of AWS, Azure or GCP answers at {address}, so nobody is asked whether this machine goes away (--preemption names the platform where one is to be asked all the same).",
            _ =>
                $"The metadata service at {address} answers as that of {string.Join(" and ", found.Select(Named))}, so nobody is asked whether this machine goes away; --preemption names the right one.",
        };

    private static string Named(Platform platform) => platform is Platform.Azure ? "Azure" : platform.ToString().ToUpperInvariant();

    private static async Task<bool> IsHereAsync(
        Func<MetadataOptions, TimeProvider, CancellationToken, Task<bool>> ask,
        MetadataOptions options,
        TimeProvider time,
        CancellationToken cancellationToken
    )
    {
        try
        {
            return await ask(options, time, cancellationToken);
        }
        catch (Exception e) when (e is HttpRequestException or InvalidDataException or OperationCanceledException)
        {
            return false;
        }
    }
}
