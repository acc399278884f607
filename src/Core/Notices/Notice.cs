using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;

namespace Slowrun.Core.Notices;

/// <summary>Something about a run that its user asked to be told.</summary>
public sealed record Notice : ExtensibleRecord
{
    /// <summary>A function of what it tells, so that every silo that notices the same gives it the same name: <c>finished</c>,
    /// <c>stalled-1200</c>. It names the object in the store.</summary>
    public required string Id { get; init; }

    /// <summary>One of <see cref="NoticeKind"/>.</summary>
    public required string Kind { get; init; }

    public required string Run { get; init; }

    /// <summary>What the run was called when this was sent; null: by its own name, or not sent yet.</summary>
    public string? GivenName { get; init; }

    /// <summary>The stage that it is about; null: the run.</summary>
    public string? Stage { get; init; }

    /// <summary>A few words.</summary>
    public required string Title { get; init; }

    /// <summary>Sentences.</summary>
    public required string Text { get; init; }

    /// <summary>When it was noticed.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>When the run was submitted, by the store's clock: tells runs of one name apart. Null: not known.</summary>
    public DateTimeOffset? SubmittedAt { get; init; }

    /// <summary>The ensemble's loss on the validation set, nats per token; null: there is none.</summary>
    public double? LossNats { get; init; }

    public double? BitsPerByte { get; init; }

    /// <summary>The same for each sending of it, and of no other notice: receivers leave out what they have had.</summary>
    public string Key() => $"{Run}-{SubmittedAt?.ToUnixTimeSeconds() ?? 0}-{Id}";

    /// <summary>The same for people who know the run by another name. The commands in its text find the run by its own one too.</summary>
    public Notice Called(string? givenName) =>
        givenName is null
            ? this
            : this with
            {
                GivenName = givenName,
                Title = NoticeKind.Title(Kind, Stage, GivenNames.Title(Run, givenName)) ?? Title,
            };

    /// <summary>Whether a receiver asked to be told this.</summary>
    public bool IsFor(NotifyTarget target)
    {
        ArgumentNullException.ThrowIfNull(target);
        return target.About?.Contains(Kind, StringComparer.Ordinal) != false;
    }
}
