using Slowrun.Core.Notices;
using Slowrun.Core.Recipes;

namespace Slowrun.Grains.Notices;

/// <summary>Posts notices to receivers. No answer of it holds a secret.</summary>
internal interface INoticeSender
{
    /// <summary>What this silo's environment lacks to send to the receiver, as the end of a sentence that begins with the silo; null:
    /// nothing.</summary>
    string? Lacks(NotifyTarget target);

    /// <summary>Sends until it is confirmed, or given up after many tries. Does not throw.</summary>
    /// <param name="noMoreTries">A try that is under way goes on, and is the last.</param>
    /// <param name="atOnce">Ends a try that is under way too.</param>
    Task<NoticeEnd> SendAsync(Notice notice, NotifyTarget target, CancellationToken noMoreTries, CancellationToken atOnce);
}

/// <summary>How a sending ended.</summary>
/// <param name="Delivered">The receiver has confirmed it.</param>
/// <param name="Interrupted">It is owed still: the silo stops.</param>
/// <param name="Why">Where it is not delivered: a sentence.</param>
internal sealed record NoticeEnd(bool Delivered, bool Interrupted, string? Why);
