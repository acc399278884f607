using System.Net;

namespace Slowrun.Silo.Http;

/// <summary>The options of a silo's web server, as written on the command line and in <c>SLOWRUN_TOKEN</c>.</summary>
internal sealed record HttpArguments
{
    /// <summary>Of <c>--http</c>, as in <c>127.0.0.1:9464</c>; a port alone is loopback.</summary>
    public string? Http { get; init; }

    public string? HttpToken { get; init; }

    public string? Token { get; init; }

    /// <summary>Whether the page is asked for.</summary>
    public bool Page { get; init; }

    /// <summary>Of <c>--page</c>; null: where <c>--http</c> says.</summary>
    public int? PagePort { get; init; }

    /// <summary>Of <c>--host</c>: names of the page besides this machine's.</summary>
    public IReadOnlyList<string> HostNames { get; init; } = [];

    /// <summary>Where <see cref="PagePort"/> listens.</summary>
    public IPAddress Listen { get; init; } = IPAddress.Loopback;
}
