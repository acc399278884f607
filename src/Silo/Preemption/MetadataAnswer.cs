using System.Net;

namespace Slowrun.Silo.Preemption;

/// <summary>What a metadata service answered.</summary>
internal sealed record MetadataAnswer(HttpStatusCode Status, string Body, IReadOnlyDictionary<string, string> Headers)
{
    /// <summary>The beginning of the body, for a message.</summary>
    public string Beginning => Body.Length > 100 ? Body[..100] + "…" : Body;

    /// <exception cref="HttpRequestException">A refusal.</exception>
    public MetadataAnswer OrRefusal(string path) =>
        Status is HttpStatusCode.OK
            ? this
            : throw new HttpRequestException($"'{path}' was answered with {(int)Status} {Status}.", null, Status);
}
