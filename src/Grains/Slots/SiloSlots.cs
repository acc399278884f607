using Orleans.Runtime.Placement;
using Slowrun.Core.Plan;
using Slowrun.Grains.Interfaces;

namespace Slowrun.Grains.Slots;

/// <summary>This silo's slots and the work on them. Every kind of slot work is admitted here: on the silo that lends the slots, once, and
/// only while they are free.</summary>
internal sealed class SiloSlots(SlotTable slots, LocalWork local, OfferPace pace, ILocalSiloDetails silo)
{
    /// <inheritdoc cref="LocalWork.IsHeld"/>
    public bool IsHeld(string work) => local.IsHeld(work);

    /// <param name="work">See <see cref="WorkName"/>.</param>
    /// <param name="migrate">The grain's <c>MigrateOnIdle</c>: a hint alone does not move an active grain. The offer is made again at
    /// once.</param>
    /// <param name="admitted">The slots, where the answer says taken; the caller disposes it when its work ends.</param>
    public TakeAnswer Ask(SlotOffer offer, string work, Action migrate, out Admitted? admitted)
    {
        admitted = null;
        if (offer.Silo != silo.SiloAddress.ToParsableString())
        {
            if (local.IsHeld(work))
            {
                // Work that is under way keeps its grain where it is, whatever the offering silo has read. Once it was let go, nothing of
                // it is written through the grain any more, and the next owner waits for nothing here.
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
                $"The offer names '{string.Join(' ', offer.Slots ?? [])}', expected one or more of this silo's slots, each once: "
                    + $"{string.Join(' ', slots.All)}."
            );
        }

        if (local.TryBegin(work) is not { } begun)
        {
            return new TakeAnswer(false, "This silo is at it, or stops.");
        }

        if (slots.TryReserve(offer.Slots) is not { } reservation)
        {
            begun.Dispose();
            return new TakeAnswer(false, "The slots offered are in use.");
        }

        // The hint would be passed on with every later call of the work, and place each run grain that a report activates on this silo.
        RequestContext.Remove(IPlacementDirector.PlacementHintKey);
        admitted = new Admitted(work, slots, local, pace, begun, reservation);
        return new TakeAnswer(true);
    }
}

/// <summary>Work that holds its slots. Disposed, it gives them back (once).</summary>
/// <param name="work">See <see cref="WorkName"/>.</param>
internal sealed class Admitted(
    string work,
    SlotTable slots,
    LocalWork local,
    OfferPace pace,
    IDisposable begun,
    SlotReservation reservation
) : IDisposable
{
    /// <summary>The work runs now; its slots are kept until <see cref="Dispose"/>.</summary>
    /// <param name="stop">Asks it to stop; may be called more than once, also after its end.</param>
    /// <param name="completion">Ends when it has stopped; may not fault.</param>
    /// <param name="held">What the work holds of them, where that may change; else null.</param>
    /// <param name="letGo">Ends when others may go on with the work; null: with <paramref name="completion"/>.</param>
    public void Run(Action<StopReason, DateTimeOffset?> stop, Task completion, HeldSlots? held = null, Task? letGo = null)
    {
        held?.Lend(reservation, slots.Poke);
        local.Run(begun, stop, completion, held, letGo);
    }

    /// <summary>A stage's owner has ended: the slots are free, and the loop looks for other work.</summary>
    /// <param name="progressed">Whether it has done a step.</param>
    public void Ended(StopReason reason, bool progressed)
    {
        pace.Ended(work, reason, progressed);
        Free();
    }

    /// <summary>A judging has ended, as <see cref="Ended(StopReason, bool)"/>.</summary>
    /// <param name="made">Whether it made anything: what was there already, or not due, or failed, is offered again ever later. Null: the
    /// silo has stopped it.</param>
    public void Ended(bool? made)
    {
        if (made is true)
        {
            pace.Succeeded(work);
        }
        else if (made is false)
        {
            pace.Refused(work);
        }

        Free();
    }

    public void Dispose()
    {
        reservation.Dispose();
        begun.Dispose();
    }

    private void Free()
    {
        Dispose();
        slots.Poke();
    }
}
