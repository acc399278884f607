namespace Slowrun.Silo.Preemption;

/// <summary>
/// GCP's metadata server: whether Compute Engine preempts this machine, which leaves it 30 s at best
/// (https://cloud.google.com/compute/docs/instances/create-use-spot#detect-preemption), and whether its host goes into maintenance
/// (https://cloud.google.com/compute/docs/metadata/getting-live-migration-notice). The server holds back its answer until the value
/// changes (https://cloud.google.com/compute/docs/metadata/querying-metadata#waitforchange).
/// </summary>
internal sealed class ComputeMetadata(MetadataOptions options, TimeProvider time) : IPreemptionSource, IDisposable
{
    private const string Root = "computeMetadata/v1/instance/";
    private const string Flavor = "Metadata-Flavor";
    private const string Google = "Google";

    // From the notice (an ACPI G2 Soft Off) to the end, as documented: "best effort and up to 30 seconds".
    private static readonly TimeSpan Preempted = TimeSpan.FromSeconds(30);

    // The shortest notice of a maintenance that is documented; machines with accelerators get up to an hour.
    private static readonly TimeSpan Maintained = TimeSpan.FromSeconds(60);

    // Maintenance is asked for after each wait, so this is the most of its 60 s that is missed.
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Within = TimeSpan.FromSeconds(5);

    private readonly MetadataClient http = new(options.Address, time);
    private string? etag;
    private DateTimeOffset? lastCalm;
    private DateTimeOffset? preemptedBy;
    private DateTimeOffset? maintainedBy;

    public string Name => "GCP";

    public TimeSpan Interval => options.Interval;

    /// <summary>Whether an instance of Compute Engine asks: the answer of its metadata server says so in a header.</summary>
    public static async Task<bool> IsHereAsync(MetadataOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        using var source = new ComputeMetadata(options, time);
        return (await source.GetAsync("id", Within, cancellationToken)).Body.Trim() is { Length: > 0 } id && id.All(char.IsAsciiDigit);
    }

    public async Task<IReadOnlyList<PreemptionNotice>> ReadAsync(CancellationToken cancellationToken)
    {
        if (await IsPreemptedAsync(cancellationToken))
        {
            return [new PreemptionNotice("preempted", "preemption", preemptedBy!.Value, MayAcknowledge: false)];
        }

        var maintenance = (await GetAsync("maintenance-event", Within, cancellationToken)).Body.Trim();
        switch (maintenance)
        {
            case "NONE":
                maintainedBy = null;
                return [];
            case "TERMINATE_ON_HOST_MAINTENANCE":
                maintainedBy ??= time.GetUtcNow() + Maintained;
                return [new PreemptionNotice(maintenance, maintenance, maintainedBy.Value, MayAcknowledge: false)];
            case "MIGRATE_ON_HOST_MAINTENANCE":
                // It keeps memory and connections; a silo that stands still for long is replaced, and fenced.
                maintainedBy ??= time.GetUtcNow() + Maintained;
                return [new PreemptionNotice(maintenance, maintenance, maintainedBy.Value, MayAcknowledge: false) { IsAdvice = true }];
            default:
                throw new InvalidDataException($"'maintenance-event' is none of the values that are documented: {Beginning(maintenance)}");
        }
    }

    /// <summary>Compute Engine takes no acknowledgement.</summary>
    public Task AcknowledgeAsync(PreemptionNotice notice, CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => http.Dispose();

    /// <summary>Returns at once where the value is another than last time, else after a while.</summary>
    private async Task<bool> IsPreemptedAsync(CancellationToken cancellationToken)
    {
        var asked = time.GetUtcNow();
        var waits = etag is not null && preemptedBy is null;
        var path = waits
            ? $"preempted?wait_for_change=true&timeout_sec={Wait.TotalSeconds:0}&last_etag={Uri.EscapeDataString(etag!)}"
            : "preempted";
        MetadataAnswer answer;
        try
        {
            answer = await GetAsync(path, waits ? Wait + Within : Within, cancellationToken);
        }
        catch
        {
            // A request without waiting is answered at once, by a server that has lost its etags too.
            etag = null;
            throw;
        }

        etag = answer.Headers.GetValueOrDefault("ETag");
        switch (answer.Body.Trim())
        {
            case "FALSE":
                (lastCalm, preemptedBy) = (time.GetUtcNow(), null);
                return false;
            case "TRUE":
                // It came between the last answer and this one, or while this one was waited for. Without a last one nobody knows how much
                // of the 30 s is left.
                var waited = waits && time.GetUtcNow() - asked > Interval;
                preemptedBy ??=
                    waited ? time.GetUtcNow() + Preempted
                    : lastCalm is { } calm ? calm + Preempted
                    : time.GetUtcNow();
                return true;
            default:
                etag = null;
                throw new InvalidDataException($"'preempted' is neither TRUE nor FALSE: {answer.Beginning}");
        }
    }

    /// <exception cref="HttpRequestException">No answer, or a refusal.</exception>
    /// <exception cref="InvalidDataException">Another than Google's server answered.</exception>
    private async Task<MetadataAnswer> GetAsync(string path, TimeSpan within, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Root + path);
        request.Headers.Add(Flavor, Google);
        var answer = (await http.SendAsync(request, within, cancellationToken)).OrRefusal(path);
        return answer.Headers.GetValueOrDefault(Flavor) == Google
            ? answer
            : throw new InvalidDataException($"The answer has no header '{Flavor}: {Google}', so it is not of GCP's metadata server.");
    }

    private static string Beginning(string text) => text.Length > 100 ? text[..100] + "…" : text;
}
