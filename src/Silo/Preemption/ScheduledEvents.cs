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

    private const string Scheduled = "Scheduled";

    // Freeze keeps memory and connections and lasts seconds: leaving would cost more, and a silo that stands still for longer is replaced
    // and fenced.
    private static readonly string[] Fatal = ["Preempt", "Terminate", "Reboot", "Redeploy"];

    private readonly MetadataOptions options;
    private readonly TimeProvider time;
    private readonly MetadataClient http;
    private readonly Dictionary<string, DateTimeOffset> begun = new(StringComparer.Ordinal);
    private bool answered;
    private string? vmName;

    public ScheduledEvents(MetadataOptions options, TimeProvider time)
    {
        (this.options, this.time, vmName) = (options, time, options.VmName);
        http = new MetadataClient(options.Address, time);
    }

    public string Name => "Azure Scheduled Events";

    public TimeSpan Interval => options.Interval;

    private string Path => $"metadata/scheduledevents?api-version={Uri.EscapeDataString(options.ApiVersion)}";

    /// <summary>Whether a machine of Azure asks: its metadata names the cloud (<c>AzurePublicCloud</c>, …).</summary>
    public static async Task<bool> IsHereAsync(MetadataOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        using var source = new ScheduledEvents(options, time);
        const string Environment = "metadata/instance/compute/azEnvironment?api-version=2021-02-01&format=text";
        return (await source.GetAsync(Environment, cancellationToken)).Trim().StartsWith("Azure", StringComparison.Ordinal);
    }

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
        using var request = Request(HttpMethod.Post, Path);
        request.Content = body;
        (await http.SendAsync(request, LaterAnswer, cancellationToken)).OrRefusal(Path);
    }

    public void Dispose() => http.Dispose();

    private async Task<string> GetAsync(string path, CancellationToken cancellationToken)
    {
        using var request = Request(HttpMethod.Get, path);
        return (await http.SendAsync(request, answered ? LaterAnswer : FirstAnswer, cancellationToken)).OrRefusal(path).Body;
    }

    private static HttpRequestMessage Request(HttpMethod method, string path)
    {
        var request = new HttpRequestMessage(method, path);
        // Without it the service refuses: a browser or a proxy cannot be made to send it.
        request.Headers.Add("Metadata", "true");
        return request;
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
