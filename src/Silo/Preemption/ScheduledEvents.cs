using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Slowrun.Silo.Preemption;

/// <summary>
/// Azure's Scheduled Events
/// (https://learn.microsoft.com/azure/virtual-machines/linux/scheduled-events): announced for a whole scale set, so only those that name
/// this machine count.
/// </summary>
internal sealed class ScheduledEvents : IPreemptionSource, IDisposable
{
    // The first answer may take two minutes, while Azure turns the service on for the machine.
    private static readonly TimeSpan FirstAnswer = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan LaterAnswer = TimeSpan.FromSeconds(5);

    // Of any size a list of events could have.
    private const int LongestAnswerBytes = 1 << 20;

    private const string Scheduled = "Scheduled";

    // Freeze keeps memory and connections and lasts seconds: leaving would cost more, and a silo that stands still for longer is replaced
    // and fenced.
    private static readonly string[] Fatal = ["Preempt", "Terminate", "Reboot", "Redeploy"];

    private readonly ScheduledEventsOptions options;
    private readonly TimeProvider time;
    private readonly HttpClient http;
    private readonly Dictionary<string, DateTimeOffset> begun = new(StringComparer.Ordinal);
    private bool answered;
    private string? vmName;

    public ScheduledEvents(ScheduledEventsOptions options, TimeProvider time)
    {
        (this.options, this.time, vmName) = (options, time, options.VmName);
        // A proxy would answer for another machine, or not at all.
        http = new HttpClient(
            new SocketsHttpHandler
            {
                UseProxy = false,
                AllowAutoRedirect = false,
                ConnectTimeout = TimeSpan.FromSeconds(5),
            }
        )
        {
            BaseAddress = options.Address,
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = LongestAnswerBytes,
        };
        // Without it the service refuses: a browser or a proxy cannot be made to send it.
        http.DefaultRequestHeaders.Add("Metadata", "true");
    }

    public string Name => "Azure Scheduled Events";

    public TimeSpan Interval => options.Interval;

    private string Path => $"metadata/scheduledevents?api-version={Uri.EscapeDataString(options.ApiVersion)}";

    public async Task<IReadOnlyList<PreemptionNotice>> ReadAsync(CancellationToken cancellationToken)
    {
        vmName ??= (await GetAsync("metadata/instance/compute/name?api-version=2021-02-01&format=text", cancellationToken)).Trim();
        var text = await GetAsync(Path, cancellationToken);
        answered = true;
        try
        {
            var events =
                JsonSerializer.Deserialize<Answer>(text, JsonSerializerOptions.Web)?.Events
                ?? throw new InvalidDataException($"The answer has no list 'Events': {Beginning(text)}");
            return [.. events.OfType<Event>().Where(IsOurs).Select(Notice)];
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"The answer is not the JSON that is documented: {Beginning(text)}", e);
        }
    }

    public async Task AcknowledgeAsync(PreemptionNotice notice, CancellationToken cancellationToken)
    {
        var start = new { StartRequests = new[] { new { EventId = notice.Id } } };
        // As documented, in PascalCase. Whole, so that it is sent with its length: not every server of this kind takes chunks.
        using var body = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(start, JsonSerializerOptions.Default));
        body.Headers.ContentType = new MediaTypeHeaderValue("application/json") { CharSet = "utf-8" };
        using var response = await http.PostAsync(Path, body, cancellationToken);
        response.EnsureSuccessStatusCode();
    }

    public void Dispose() => http.Dispose();

    private async Task<string> GetAsync(string path, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(answered ? LaterAnswer : FirstAnswer, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await http.GetStringAsync(path, both.Token);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new HttpRequestException("No answer came in time.", e);
        }
    }

    private bool IsOurs(Event announced) =>
        announced.EventId is { Length: > 0 }
        && Fatal.Contains(announced.EventType, StringComparer.OrdinalIgnoreCase)
        && announced.Resources?.Contains(vmName, StringComparer.OrdinalIgnoreCase) == true;

    private PreemptionNotice Notice(Event announced)
    {
        var waits = string.Equals(announced.EventStatus, Scheduled, StringComparison.OrdinalIgnoreCase);
        var alone = announced.Resources!.All(name => string.Equals(name, vmName, StringComparison.OrdinalIgnoreCase));
        return new PreemptionNotice(announced.EventId!, announced.EventType!, Deadline(announced), waits && alone);
    }

    /// <summary>Empty once the event has started; a date that cannot be read counts as now.</summary>
    private DateTimeOffset Deadline(Event announced)
    {
        // RFC 1123 as documented, ISO 8601 from some emulators.
        const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        if (DateTimeOffset.TryParse(announced.NotBefore, CultureInfo.InvariantCulture, Utc, out var at))
        {
            return at;
        }

        // The same deadline in every answer for one event.
        return begun.TryGetValue(announced.EventId!, out var seen) ? seen : begun[announced.EventId!] = time.GetUtcNow();
    }

    private static string Beginning(string text) => text.Length > 100 ? text[..100] + "…" : text;

    private sealed record Answer(IReadOnlyList<Event?>? Events);

    private sealed record Event(
        string? EventId,
        string? EventType,
        string? EventStatus,
        string? NotBefore,
        IReadOnlyList<string?>? Resources
    );
}
