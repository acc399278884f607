namespace Slowrun.Silo.Preemption;

/// <summary>How Azure's Scheduled Events are asked.</summary>
internal sealed record ScheduledEventsOptions
{
    /// <summary>Of the instance metadata service, which only the machine itself reaches.</summary>
    public Uri Address { get; init; } = new("http://169.254.169.254/");

    /// <summary>The newest of Scheduled Events (2026).</summary>
    public string ApiVersion { get; init; } = "2020-07-01";

    /// <summary>As events name this machine; null: the metadata service is asked.</summary>
    public string? VmName { get; init; }

    /// <summary>Azure recommends once a second: a spot machine gets 30 s at best.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(1);
}
