using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace Slowrun.Clustering.Security;

/// <summary>
/// The store's certificates as this process knows them: read when they are first needed, when a connection presents an unknown one, before
/// a connection is made, and now and then. Safe to use from any thread.
/// </summary>
[SuppressMessage(
    "Reliability",
    "CA1001",
    Justification = "Cancellation sources without timers or linked tokens hold nothing to dispose of."
)]
internal sealed partial class ClusterCertificates(CertificateFile file, TimeProvider time, ILogger<ClusterCertificates> log)
{
    /// <summary>A reading is not repeated within this time: unknown callers cost the store one operation a second at most.</summary>
    public static readonly TimeSpan OldEnough = TimeSpan.FromSeconds(1);

    // A handshake waits for it; a store that is away must not keep connections open for minutes.
    private static readonly TimeSpan ReadTimeout = TimeSpan.FromSeconds(5);

    // Timers may fire that much too early.
    private static readonly TimeSpan TimerGrain = TimeSpan.FromMilliseconds(20);

    private readonly Lock gate = new();
    private Accepted? accepted;
    private Task? reading;
    private long? readAt;

    /// <summary>What this process presents.</summary>
    /// <exception cref="InvalidOperationException">Nothing was read yet.</exception>
    public ClusterCertificate Current =>
        accepted?.Certificates.Current ?? throw new InvalidOperationException("The store's certificate was not read before it was needed.");

    /// <summary>For a silo, before it listens, and now and then: the document may have been deleted.</summary>
    /// <exception cref="InvalidDataException">The document is damaged.</exception>
    public async Task LoadOrMakeAsync(CancellationToken cancellationToken) =>
        Take(await file.ReadOrMakeAsync(cancellationToken), time.GetTimestamp());

    /// <summary>Before a connection is made: the newest certificate is presented. Does not throw where the store does not answer but a
    /// certificate is known.</summary>
    /// <exception cref="InvalidDataException">None is known, and there is none, or it is damaged.</exception>
    public Task FreshenAsync() => ReadAsync(OldEnough * 5, needed: accepted is null);

    /// <summary>Whether the other side has one of the store's certificates; an unknown one may be newer than the last reading.</summary>
    /// <returns>Null: it has not. Else a token that is cancelled when its certificate is no longer accepted.</returns>
    public async Task<CancellationToken?> TryAcceptAsync(X509Certificate2 remote)
    {
        var sha256 = ClusterCertificate.Hash(remote);
        if (Find(sha256) is { } known)
        {
            return known;
        }

        // Refused only by a reading that began after the connection: within a second of a reading it waits for the next.
        if (OldEnough - Age() is { Ticks: > 0 } left)
        {
            await Task.Delay(left + TimerGrain, time);
        }

        await ReadAsync(OldEnough, needed: false);
        return Find(sha256);
    }

    private TimeSpan Age()
    {
        lock (gate)
        {
            return readAt is { } at ? time.GetElapsedTime(at) : TimeSpan.MaxValue;
        }
    }

    private CancellationToken? Find(string sha256) => accepted?.Ends.TryGetValue(sha256, out var end) == true ? end.Token : null;

    /// <summary>Reads the document if the last reading is older than <paramref name="olderThan"/>. Calls that come together share one
    /// reading.</summary>
    private async Task ReadAsync(TimeSpan olderThan, bool needed)
    {
        Task underWay;
        lock (gate)
        {
            if (accepted is not null && reading is null && readAt is { } at && time.GetElapsedTime(at) < olderThan)
            {
                return;
            }

            underWay = reading ??= Task.Run(ReadNowAsync);
        }

        try
        {
            await underWay;
        }
        catch (Exception e) when (!needed && e is IOException or InvalidDataException or OperationCanceledException)
        {
            LogNotRead(log, e.Message);
        }
    }

    private async Task ReadNowAsync()
    {
        var from = time.GetTimestamp();
        try
        {
            using var limit = new CancellationTokenSource(ReadTimeout);
            Take(
                await file.TryReadAsync(limit.Token).WaitAsync(limit.Token)
                    ?? throw new InvalidDataException($"'{CertificateFile.Name}' is not there: a silo makes it when it starts."),
                from
            );
        }
        finally
        {
            lock (gate)
            {
                // Also after a failure: the store is not asked more often.
                (reading, readAt) = (null, from);
            }
        }
    }

    private void Take(StoreCertificates read, long at)
    {
        List<CancellationTokenSource> ended;
        lock (gate)
        {
            var before = accepted?.Ends ?? [];
            Dictionary<string, CancellationTokenSource> ends = new(StringComparer.Ordinal);
            foreach (var sha256 in new[] { read.Current.Sha256, read.PreviousSha256 }.OfType<string>())
            {
                ends[sha256] = before.GetValueOrDefault(sha256) ?? new CancellationTokenSource();
            }

            ended = [.. before.Where(pair => !ends.ContainsKey(pair.Key)).Select(pair => pair.Value)];
            if (accepted is not null && accepted.Certificates.Current.Sha256 != read.Current.Sha256)
            {
                LogRotated(log, read.Current.Sha256[..12]);
            }

            accepted = new Accepted(read, ends);
            readAt = at;
        }

        ended.ForEach(end => end.Cancel());
    }

    private sealed record Accepted(StoreCertificates Certificates, Dictionary<string, CancellationTokenSource> Ends);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "The store has another certificate now, {Certificate}: it is used from here on."
    )]
    private static partial void LogRotated(ILogger logger, string certificate);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The store's certificate could not be read again; the known one stays in use: {Reason}"
    )]
    private static partial void LogNotRead(ILogger logger, string reason);
}
