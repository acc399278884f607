using Microsoft.AspNetCore.Http;

namespace Slowrun.Silo.Tests.Preemption;

/// <summary>AWS's instance metadata service, version 2 alone, as its user guide describes it.</summary>
internal sealed class FakeAws : FakePlatform
{
    private int tokens;

    /// <summary>The body of <c>spot/instance-action</c>; null: 404, as a rule.</summary>
    public string? Action { get; set; }

    public string? Rebalance { get; set; }

    public bool Chunked { get; set; }

    /// <summary>Given to whom asks for one, with a time to live.</summary>
    public int Tokens => tokens;

    /// <summary>All tokens end: the next request with one is answered with 401.</summary>
    public void EndTokens() => Interlocked.Increment(ref tokens);

    protected override Task AnswerAsync(HttpContext context)
    {
        var (method, path) = (context.Request.Method, context.Request.Path.Value);
        if ((method, path) == ("PUT", "/latest/api/token"))
        {
            return
                int.TryParse(context.Request.Headers["X-aws-ec2-metadata-token-ttl-seconds"], out var seconds)
                && seconds is >= 1 and <= 21600
                ? AnswerAsync(context, 200, $"AQAEAtoken-{Interlocked.Increment(ref tokens)}==")
                : AnswerAsync(context, 400, "");
        }

        if (context.Request.Headers["X-aws-ec2-metadata-token"] != $"AQAEAtoken-{tokens}==")
        {
            return AnswerAsync(context, 401, "");
        }

        var body = path switch
        {
            "/latest/meta-data/spot/instance-action" => Action,
            "/latest/meta-data/events/recommendations/rebalance" => Rebalance,
            "/latest/meta-data/services/partition" => "aws",
            _ => null,
        };
        return body is null ? AnswerAsync(context, 404, "<html>Not Found</html>") : AnswerAsync(context, 200, body, Chunked);
    }
}
