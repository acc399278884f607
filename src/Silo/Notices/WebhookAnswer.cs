using System.Net;

namespace Slowrun.Silo.Notices;

/// <summary>What became of one try.</summary>
/// <param name="Why">What went wrong, a sentence about the receiver; null: it has the notice.</param>
/// <param name="MayPass">Another try may help.</param>
/// <param name="After">When the receiver wants the next try; null: it does not say.</param>
internal sealed record WebhookAnswer(string? Why, bool MayPass, TimeSpan? After = null)
{
    /// <param name="longest">A receiver that wants a longer pause gets this one.</param>
    public static WebhookAnswer Of(HttpResponseMessage response, DateTimeOffset now, TimeSpan longest)
    {
        if (response.IsSuccessStatusCode)
        {
            return new WebhookAnswer(null, MayPass: false);
        }

        var status = response.StatusCode;
        var after = response.Headers.RetryAfter is { } wanted ? wanted.Delta ?? wanted.Date - now : null;
        return new WebhookAnswer(
            FormattableString.Invariant($"it answers {(int)status}{Meaning(status)}."),
            status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests || (int)status is 425 or >= 500,
            after is null ? null
                : after < TimeSpan.Zero ? TimeSpan.Zero
                : after > longest ? longest
                : after
        );
    }

    private static string Meaning(HttpStatusCode status) =>
        status switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => ": it does not accept the URL or the token",
            HttpStatusCode.NotFound or HttpStatusCode.Gone => ": there is no such webhook (any more)",
            HttpStatusCode.BadRequest => ": it does not understand this format (see 'format' in docs/notify.md)",
            _ => "",
        };
}
