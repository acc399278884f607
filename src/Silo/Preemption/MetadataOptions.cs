namespace Slowrun.Silo.Preemption;

/// <summary>How the metadata service of the machine's platform is asked. AWS, Azure and GCP have it at one address.</summary>
internal sealed record MetadataOptions
{
    /// <summary>Of the instance metadata service, which only the machine itself reaches.</summary>
    public Uri Address { get; init; } = new("http://169.254.169.254/");

    /// <summary>Azure: the newest of Scheduled Events (2026).</summary>
    public string ApiVersion { get; init; } = "2020-07-01";

    /// <summary>Azure: as events name this machine; null: the metadata service is asked.</summary>
    public string? VmName { get; init; }

    /// <summary>Azure recommends once a second (a spot machine gets 30 s at best), AWS at least once in 5 s.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(1);
}
