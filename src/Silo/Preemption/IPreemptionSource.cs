namespace Slowrun.Silo.Preemption;

/// <summary>A platform's announcements that this machine will end. All platforms are polled: a source is one request and the meaning of its
/// answer.</summary>
internal interface IPreemptionSource
{
    /// <summary>For people: <c>Azure Scheduled Events</c>.</summary>
    string Name { get; }

    /// <summary>How often the platform is to be asked.</summary>
    TimeSpan Interval { get; }

    /// <summary>What is announced for this machine now; empty as a rule. May take minutes the first time.</summary>
    /// <exception cref="HttpRequestException">No answer, or a refusal.</exception>
    /// <exception cref="InvalidDataException">An answer that cannot be understood.</exception>
    Task<IReadOnlyList<PreemptionNotice>> ReadAsync(CancellationToken cancellationToken);

    /// <summary>Tells the platform that it need not wait until the deadline. To be called when everything is saved.</summary>
    /// <exception cref="HttpRequestException">No answer, or a refusal.</exception>
    Task AcknowledgeAsync(PreemptionNotice notice, CancellationToken cancellationToken);
}

/// <param name="Id">The platform's; the same in every answer.</param>
/// <param name="What">For people: <c>Preempt</c>.</param>
/// <param name="Deadline">The earliest end of the machine, by the platform's clock.</param>
/// <param name="MayAcknowledge">False where that would approve more than the loss of this machine, or nothing waits for it.</param>
internal sealed record PreemptionNotice(string Id, string What, DateTimeOffset Deadline, bool MayAcknowledge)
{
    /// <summary>Says what may come, or what does no harm: to be told and not obeyed.</summary>
    public bool IsAdvice { get; init; }
}
