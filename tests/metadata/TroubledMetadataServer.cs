using System.Globalization;
using System.Net;
using Slowrun.Fleet.Chaos.Platform;

namespace Slowrun.Tests.Metadata;

/// <summary>A metadata service that misbehaves as told.</summary>
internal sealed class TroubledMetadataServer : MetadataServer
{
    /// <summary>How dates are written: RFC 1123 as documented, or ISO 8601.</summary>
    public string DateFormat { get; set; } = "R";

    /// <summary>Given instead of every answer: a status and a body. Null: behaves.</summary>
    public (int Status, string Body)? Misbehaviour { get; set; }

    /// <summary>The first answer comes when this ends.</summary>
    public Task FirstAnswer { get; init; } = Task.CompletedTask;

    /// <summary>What requests with a body said of its length; -1: nothing, it came in chunks.</summary>
    public List<long> BodyLengths { get; } = [];

    protected override string Text(DateTimeOffset date) => date.ToString(DateFormat, CultureInfo.InvariantCulture);

    protected override async Task<(int Status, byte[] Body)> AnswerAsync(HttpListenerRequest request)
    {
        await FirstAnswer;
        if (request.HasEntityBody)
        {
            BodyLengths.Add(request.ContentLength64);
        }

        return Misbehaviour is { } bad ? Encoded(bad.Status, bad.Body) : await base.AnswerAsync(request);
    }
}
