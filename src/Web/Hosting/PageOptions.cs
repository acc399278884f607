using System.Net;

namespace Slowrun.Web.Hosting;

/// <summary>What the page is told by its host.</summary>
public sealed record PageOptions
{
    /// <summary>Shorter ones can be guessed.</summary>
    public const int ShortestToken = 16;

    public IPAddress Listen { get; init; } = IPAddress.Loopback;

    /// <summary>0: any free port.</summary>
    public int Port { get; init; }

    /// <summary>
    /// Whoever has it may read everything and pause, resume and cancel runs. Null: the page only reads, asks nobody who he is, and listens
    /// on loopback only.
    /// </summary>
    public string? Token { get; init; }

    /// <summary>Names, besides this machine's own, that a browser may know the page by.</summary>
    public IReadOnlyList<string> HostNames { get; init; } = [];

    /// <summary>Told of what should not happen; the answer to the caller names no details.</summary>
    public Action<Exception> Trouble { get; init; } = _ => { };

    /// <summary>Between two looks at a run that somebody follows.</summary>
    public TimeSpan FollowEvery { get; init; } = TimeSpan.FromSeconds(1);

    /// <exception cref="ArgumentException">The page may not be served like this.</exception>
    public void Check()
    {
        if (Port is < 0 or > 65535)
        {
            throw new ArgumentException($"{Port} is no port; expected 0 to 65535.");
        }

        if (Token is null && !IPAddress.IsLoopback(Listen))
        {
            throw new ArgumentException(
                $"The page would listen on {Listen} and let anybody read it. Give a token with SLOWRUN_TOKEN, or listen on loopback and reach it through a tunnel (ssh -L)."
            );
        }

        if (Token is { } token && (token.Length < ShortestToken || token.Any(c => c is <= ' ' or > '~')))
        {
            throw new ArgumentException(
                $"The token has {token.Length} characters; expected at least {ShortestToken}, of printable ASCII without spaces. 'openssl rand -hex 24' makes a good one."
            );
        }
    }
}
