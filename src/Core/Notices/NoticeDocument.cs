using System.Text.Json.Serialization;

namespace Slowrun.Core.Notices;

/// <summary>The document at <c>runs/NAME/notices/ID</c>: a notice, and to whom it was sent. Created once, before anything is sent, and
/// changed by compare-and-swap: whatever silo finds it knows what is still owed.</summary>
public sealed record NoticeDocument : ExtensibleRecord
{
    public required Notice Notice { get; init; }

    /// <summary>By <see cref="Recipes.NotifyTarget.Url"/>.</summary>
    public IReadOnlyDictionary<string, NoticeDelivery> Deliveries { get; init; } = new Dictionary<string, NoticeDelivery>();

    public NoticeDocument With(string url, NoticeDelivery delivery) =>
        this with
        {
            Deliveries = new Dictionary<string, NoticeDelivery>(Deliveries) { [url] = delivery },
        };

    public bool Equals(NoticeDocument? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <summary>How far the sending of one notice to one receiver is.</summary>
/// <param name="State">One of the constants below.</param>
public sealed record NoticeDelivery(string State) : ExtensibleRecord
{
    /// <summary>No silo sends it now.</summary>
    public const string Owed = "owed";

    /// <summary><see cref="Silo"/> sends it, if that is alive.</summary>
    public const string Sending = "sending";

    /// <summary>The receiver has confirmed it.</summary>
    public const string Delivered = "delivered";

    /// <summary>Given up.</summary>
    public const string Failed = "failed";

    /// <summary>Address of the silo that wrote this, and its name for people.</summary>
    public string? Silo { get; init; }

    public string? SiloName { get; init; }

    public DateTimeOffset? At { get; init; }

    /// <summary>Why it is owed still, or was given up: a sentence without secrets.</summary>
    public string? Why { get; init; }

    /// <summary>Names of silos that lack a variable which the sending needs, as <c>SILO VARIABLE</c>: each is an event once.</summary>
    public IReadOnlyList<string> Lacking { get; init; } = [];

    [JsonIgnore]
    public bool IsSettled => State is Delivered or Failed;

    public bool Equals(NoticeDelivery? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
