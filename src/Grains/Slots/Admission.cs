using Orleans.Runtime.Placement;
using Slowrun.Core.Plan;
using Slowrun.Grains.Interfaces;

namespace Slowrun.Grains.Slots;

/// <summary>How every kind of slot work gets in: on the silo that lends the slots, once, and only while they are free.</summary>
internal sealed class Admission(SlotTable slots, LocalWork local, ILocalSiloDetails silo)
{
    /// <param name="work">See <see cref="WorkName"/>.</param>
    /// <param name="migrate">The grain's <c>MigrateOnIdle</c>: a hint alone does not move an active grain. The offer is made again at
    /// once.</param>
    /// <param name="admitted">The slots, where the answer says taken; whoever gives the work up disposes it.</param>
    public TakeAnswer Ask(SlotOffer offer, string work, Action migrate, out Admitted? admitted)
    {
        admitted = null;
        if (offer.Silo != silo.SiloAddress.ToParsableString())
        {
            if (local.Has(work))
            {
                // Whatever the offering silo has seen: work that is under way keeps its grain.
                return new TakeAnswer(false, $"{silo.Name} has it.");
            }

            RequestContext.Set(IPlacementDirector.PlacementHintKey, SiloAddress.FromParsableString(offer.Silo));
            migrate();
            return new TakeAnswer(false, "The grain lived on another silo and is moving.", Moving: true);
        }

        if (
            offer.Slots is not { Count: > 0 } named
            || named.Distinct(StringComparer.Ordinal).Count() < named.Count
            || named.Except(slots.All, StringComparer.Ordinal).Any()
        )
        {
            return new TakeAnswer(
                false,
                $"The offer names '{string.Join(' ', offer.Slots ?? [])}', expected one or more of this silo's slots, each once: {string.Join(' ', slots.All)}."
            );
        }

        if (local.TryBegin(work) is not { } begun)
        {
            return new TakeAnswer(false, "This silo is at it, or stops.");
        }

        if (slots.TryReserve(offer.Slots, work) is not { } reservation)
        {
            begun.Dispose();
            return new TakeAnswer(false, "The slots offered are in use.");
        }

        admitted = new Admitted(local, begun, reservation);
        return new TakeAnswer(true);
    }
}

/// <summary>Work that holds its slots. Disposed, it gives them back (once).</summary>
internal sealed class Admitted(LocalWork local, IDisposable begun, IDisposable reservation) : IDisposable
{
    /// <summary>The work runs now; its slots are kept until <see cref="Dispose"/>.</summary>
    /// <param name="stop">Asks it to stop; may be called more than once, also after its end.</param>
    /// <param name="completion">Ends when it has stopped; may not fault.</param>
    public void Run(Action<StopReason, DateTimeOffset?> stop, Task completion) => local.Run(begun, stop, completion);

    public void Dispose()
    {
        reservation.Dispose();
        begun.Dispose();
    }
}
