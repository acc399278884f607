using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Slowrun.Web.Access;

/// <summary>
/// Log-ins, kept in this process alone: a cookie is a random value that says nothing and ends here, by a log-out, after a time, or with the
/// process. Browsers send cookies to every port of a host: one counts only at the port and under the host that gave it.
/// </summary>
internal sealed class Sessions(TimeProvider time)
{
    /// <summary>The time of a run; after it the user logs in again.</summary>
    public static readonly TimeSpan Lasts = TimeSpan.FromDays(7);

    private const int Most = 256;

    private readonly Lock gate = new();
    private readonly Dictionary<string, Session> sessions = new(StringComparer.Ordinal);

    public static string CookieOf(HttpContext http) => $"slowrun-page-{http.Connection.LocalPort}";

    /// <returns>The cookie's value.</returns>
    public string Begin(HttpContext http)
    {
        var value = RandomNumberGenerator.GetHexString(64, lowercase: true);
        lock (gate)
        {
            Forget();
            if (sessions.Count >= Most)
            {
                sessions.Remove(sessions.MinBy(pair => pair.Value.Ends).Key);
            }

            sessions[KeyOf(value)] = new Session(HostOf(http), http.Connection.LocalPort, time.GetUtcNow() + Lasts);
        }

        return value;
    }

    public bool Has(HttpContext http, string value)
    {
        lock (gate)
        {
            Forget();
            return sessions.TryGetValue(KeyOf(value), out var session)
                && session.Host == HostOf(http)
                && session.Port == http.Connection.LocalPort;
        }
    }

    public void End(string value)
    {
        lock (gate)
        {
            sessions.Remove(KeyOf(value));
        }
    }

    // Looked up by its hash: how long the search takes tells nothing about a value.
    private static string KeyOf(string value) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(value)));

    private static string HostOf(HttpContext http) => (http.Request.Host.Value ?? "").ToLowerInvariant();

    private void Forget()
    {
        var now = time.GetUtcNow();
        foreach (var key in sessions.Where(pair => pair.Value.Ends <= now).Select(pair => pair.Key).ToList())
        {
            sessions.Remove(key);
        }
    }

    private sealed record Session(string Host, int Port, DateTimeOffset Ends);
}
