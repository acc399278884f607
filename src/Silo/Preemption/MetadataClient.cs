namespace Slowrun.Silo.Preemption;

/// <summary>Asks an instance metadata service, within a time and in bounded memory, and past every proxy.</summary>
internal sealed class MetadataClient : IDisposable
{
    // Of any size a list of events could have.
    private const int LongestAnswerBytes = 1 << 20;

    private readonly HttpClient http;
    private readonly TimeProvider time;

    public MetadataClient(Uri address, TimeProvider time)
    {
        this.time = time;
        // A proxy would answer for another machine, or not at all.
        http = new HttpClient(
            new SocketsHttpHandler
            {
                UseProxy = false,
                AllowAutoRedirect = false,
                UseCookies = false,
                ConnectTimeout = TimeSpan.FromSeconds(5),
            }
        )
        {
            BaseAddress = address,
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    /// <summary>A request, and what came back, whatever its status.</summary>
    /// <param name="within">How long it may take, its body included.</param>
    /// <exception cref="HttpRequestException">No answer in time, or one that is too long or broken off.</exception>
    public async Task<MetadataAnswer> SendAsync(HttpRequestMessage request, TimeSpan within, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(within, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, both.Token);
            await response.Content.LoadIntoBufferAsync(LongestAnswerBytes, both.Token);
            return new MetadataAnswer(
                response.StatusCode,
                await response.Content.ReadAsStringAsync(both.Token),
                // As they came: GCP's etags stand without quotes.
                response
                    .Headers.NonValidated.Concat(response.Content.Headers.NonValidated)
                    .ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase)
            );
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new HttpRequestException("No answer came in time.", e);
        }
        catch (InvalidOperationException e)
        {
            // An unknown character set.
            throw new HttpRequestException(e.Message, e);
        }
    }

    public void Dispose() => http.Dispose();
}
