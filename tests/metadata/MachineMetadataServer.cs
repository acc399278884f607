using System.Collections.Specialized;
using System.Net;
using System.Text.Json;
using Slowrun.Fleet.Chaos.Platform;

namespace Slowrun.Tests.Metadata;

/// <summary>The metadata service of one machine of a cloud, with its address, its resource and the tokens of its identity.</summary>
internal sealed class MachineMetadataServer : MetadataServer
{
    private const string TokenPath = "/metadata/identity/oauth2/token";
    private const string Service = "/metadata/";

    public MachineMetadataServer() { }

    /// <param name="port">For whatever name it is called by, of the network in which this is called; one of the process's own.</param>
    public MachineMetadataServer(int port)
        : base((Listening($"http://*:{port}/"), new Uri($"http://127.0.0.1:{port}/"))) { }

    /// <summary>The machine's address in its network.</summary>
    public string PrivateAddress { get; init; } = "10.0.0.4";

    /// <summary>The machine as a resource of Azure.</summary>
    public string ResourceId { get; init; } = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/trainer_3";

    /// <summary>The identity that tokens are given for.</summary>
    public string? IdentityId { get; init; }

    /// <summary>Answers other requests, for programs that use the same address for another service; null: 404.</summary>
    public Func<HttpListenerRequest, (int Status, byte[] Body)?> Elsewhere { get; init; } = _ => null;

    /// <summary>The token that is given for a resource.</summary>
    public static string TokenFor(string resource) => $"token-for-{resource}";

    protected override string? VersionOf(string path) =>
        path == TokenPath ? "2018-02-01"
        : path.StartsWith(Service, StringComparison.Ordinal) ? base.VersionOf(path)
        : null;

    protected override async Task<(int Status, byte[] Body)> AnswerAsync(HttpListenerRequest request) =>
        Elsewhere(request)
        ?? (request.HttpMethod, request.Url!.AbsolutePath) switch
        {
            ("GET", "/metadata/instance/compute/resourceId") => Encoded(200, ResourceId),
            ("GET", "/metadata/instance/network/interface/0/ipv4/ipAddress/0/privateIpAddress") => Encoded(200, PrivateAddress),
            ("GET", TokenPath) => Token(request.QueryString),
            _ => await base.AnswerAsync(request),
        };

    private (int Status, byte[] Body) Token(NameValueCollection query) =>
        IdentityId is { } identity && query["msi_res_id"] == identity
            ? Encoded(
                200,
                JsonSerializer.Serialize(
                    new
                    {
                        access_token = TokenFor(query["resource"]!),
                        client_id = "c0ffee00-0000-4000-8000-000000000000",
                        token_type = "Bearer",
                    }
                )
            )
            : Refuse($"there is no identity '{query["msi_res_id"]}'");

    private static HttpListener Listening(string prefix)
    {
        var listener = new HttpListener();
        listener.Prefixes.Add(prefix);
        try
        {
            listener.Start();
            return listener;
        }
        catch
        {
            listener.Close();
            throw;
        }
    }
}
