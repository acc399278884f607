using Slowrun.Core.Notices;

namespace Slowrun.Reading.Explain;

/// <summary>Notices that did not reach a receiver. They hold nothing up, but their user waits for them.</summary>
internal static class NoticeCauses
{
    public static IEnumerable<Cause> Of(ExplainContext now)
    {
        foreach (var document in now.Notices)
        {
            foreach (var (url, delivery) in document.Deliveries.Where(one => IsTold(now, one.Key, one.Value)))
            {
                var what = $"The notice '{document.Notice.Title}' to {WebhookUrl.Shown(url)}";
                yield return delivery.State == NoticeDelivery.Failed
                    ? new Cause(
                        "notice-failed",
                        [],
                        $"{what} was given up by {delivery.SiloName}: {delivery.Why} It is not sent again; later ones are."
                    )
                    : new Cause(
                        "notice-waits",
                        [],
                        $"{what} is not sent yet: {Lacking(delivery)}. A silo that has what is missing sends it within seconds: start one with it."
                    );
            }
        }
    }

    /// <summary>Receivers that were taken out since are no concern any more.</summary>
    private static bool IsTold(ExplainContext now, string url, NoticeDelivery delivery) =>
        now.Facts.Spec.Operations.Notify?.Any(target => target.Url == url) == true
        && (delivery.State == NoticeDelivery.Failed || (delivery is { State: NoticeDelivery.Owed, Lacking.Count: > 0 }));

    private static string Lacking(NoticeDelivery delivery) => string.Join("; ", delivery.Lacking);
}
