using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Slowrun.Client.Api;

/// <summary>
/// The API of a silo (<c>silo --page</c>) or of <c>slowrun ui</c>: each operation of its description, and shorter forms of those that a
/// program wants most. Safe to use from several threads. What the server refuses is a <see cref="SlowrunException"/>; a server that cannot
/// be reached an <see cref="HttpRequestException"/>, and one that does not answer in time an <see cref="OperationCanceledException"/>.
/// </summary>
public partial class SlowrunClient : IDisposable
{
    // A name that has moved to another machine is looked up again.
    private static readonly TimeSpan LongestConnection = TimeSpan.FromMinutes(2);

    /// <param name="address">For example <c>http://127.0.0.1:8484</c>.</param>
    /// <param name="token">The server's; null: it asks for none, and takes no orders.</param>
    /// <param name="handler">How requests are sent (proxies, certificates); it is not disposed of. Null: as .NET does.</param>
    public SlowrunClient(Uri address, string? token = null, HttpMessageHandler? handler = null)
        : this(Connect(address, token, handler)) { }

    /// <summary>Lets a run's stages commit and release, until it is resumed.</summary>
    /// <param name="stage">Only this one, for example <c>chain0/stage1</c>; null: all of the run.</param>
    /// <returns>What is wanted of the run now.</returns>
    /// <exception cref="SlowrunException">There is no such run or stage, or it has ended.</exception>
    public Task<RunIntent> PauseRunAsync(string run, string? stage = null, CancellationToken cancellationToken = default) =>
        OrderRunAsync(run, Order.Pause, stage, cancellationToken);

    /// <inheritdoc cref="PauseRunAsync"/>
    /// <summary>Lets a run go on that was paused or cancelled.</summary>
    public Task<RunIntent> ResumeRunAsync(string run, string? stage = null, CancellationToken cancellationToken = default) =>
        OrderRunAsync(run, Order.Resume, stage, cancellationToken);

    /// <inheritdoc cref="PauseRunAsync"/>
    /// <summary>Ends a run; what it has made stays.</summary>
    public Task<RunIntent> CancelRunAsync(string run, string? stage = null, CancellationToken cancellationToken = default) =>
        OrderRunAsync(run, Order.Cancel, stage, cancellationToken);

    /// <inheritdoc cref="PauseRunAsync"/>
    /// <summary>Lets what has failed try again, from its last checkpoint.</summary>
    /// <exception cref="SlowrunException">There is no such run or stage, or nothing has failed.</exception>
    public Task<RunIntent> RetryRunAsync(string run, string? stage = null, CancellationToken cancellationToken = default) =>
        OrderRunAsync(run, Order.Retry, stage, cancellationToken);

    /// <summary>Closes its connections.</summary>
    public void Dispose()
    {
        _httpClient.Dispose();
        GC.SuppressFinalize(this);
    }

    static partial void UpdateJsonSerializerSettings(JsonSerializerOptions settings) =>
        // Of dictionaries; the generator names it at each property alone.
        settings.Converters.Add(new JsonStringEnumConverter());

    [SuppressMessage("Performance", "CA1822", Justification = "The generator declares it so.")]
    partial void PrepareRequest(HttpClient client, HttpRequestMessage request, string url) => CheckName(url);

    /// <summary>A name that is empty, or of dots, would make the address of a run that of something else.</summary>
    private static void CheckName(string url)
    {
        if (url.Split('?')[0].Split('/').Any(part => part is "" or "." or ".."))
        {
            throw new ArgumentException($"'{url}' is no address of a run; expected is the run's name, for example 'mine'.");
        }
    }

    private static HttpClient Connect(Uri address, string? token, HttpMessageHandler? handler)
    {
        ArgumentNullException.ThrowIfNull(address);
        return new HttpClient(handler ?? OwnHandler(), disposeHandler: handler is null)
        {
            // Without the slash, the last part of an address behind a proxy would be replaced.
            BaseAddress = new Uri(address.AbsoluteUri.TrimEnd('/') + "/"),
            DefaultRequestHeaders = { Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token) },
        };
    }

    private static SocketsHttpHandler OwnHandler() =>
        new() { AutomaticDecompression = DecompressionMethods.All, PooledConnectionLifetime = LongestConnection };
}
