using Slowrun.Core.Tensors;
using Slowrun.Training.Copies;

namespace Slowrun.Training.Distillation;

/// <summary>
/// Copies models to a device whose weights take turns there. On a device with memory of its own, the next model is copied while the present
/// one computes: through pinned memory, on a separate stream, into a second room. A room is overwritten once all operations given to the
/// device before are done, and read once its copy is done: results do not depend on which is faster. On a processor there is one room, and
/// the caller waits for the copy.
/// </summary>
internal sealed class MemberLoader : IDisposable
{
    private readonly IReadOnlyDictionary<string, TensorData>[] models;
    private readonly DeviceCopies? copies;
    private readonly StateBuffer? staging;
    private readonly Room[] rooms;
    private int present;
    private Task coming = Task.CompletedTask;

    /// <param name="models">Each with all parameters of the rooms, float32.</param>
    /// <param name="make">Makes a room.</param>
    /// <param name="copies">Of the device, taken over; null: rooms lie in the host's memory.</param>
    public MemberLoader(IEnumerable<IReadOnlyList<TensorData>> models, Func<MemberWeights> make, DeviceCopies? copies)
    {
        this.models = [.. models.Select(model => model.ToDictionary(weight => weight.Name))];
        this.copies = copies;
        try
        {
            rooms = [.. Enumerable.Range(0, copies is null || this.models.Length == 1 ? 1 : 2).Select(_ => new Room(make()))];
            if (copies is not null)
            {
                staging = new StateBuffer(
                    [.. rooms[0].Weights.Places.Select(place => new TensorLayout(place.Name, ElementType.U8, [place.LengthBytes]))]
                );
                copies.Pin(staging);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The weights of a model, there until the next call. Everything that reads those of before has been given to the
    /// device.</summary>
    /// <param name="next">The model that will be asked for then, most likely.</param>
    public MemberWeights Take(int model, int next)
    {
        var brought = coming;
        coming = Task.CompletedTask;
        brought.GetAwaiter().GetResult();
        if (Array.FindIndex(rooms, room => room.Model == model) is >= 0 and var found)
        {
            present = found;
        }
        else
        {
            present = (present + 1) % rooms.Length;
            copies?.AfterComputing();
            Load(model, rooms[present]);
        }

        if (rooms.Length > 1 && Array.TrueForAll(rooms, room => room.Model != next))
        {
            var room = rooms[1 - present];
            copies!.AfterComputing();
            coming = Task.Factory.StartNew(
                () => Load(next, room),
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default
            );
        }

        return rooms[present].Weights;
    }

    public void Dispose()
    {
        // Its failure does not matter: the model is no longer needed.
        ((IAsyncResult)coming).AsyncWaitHandle.WaitOne();
        staging?.Dispose();
        copies?.Dispose();
        // None where it was not finished.
        foreach (var room in rooms ?? [])
        {
            room.Weights.Dispose();
        }
    }

    private void Load(int model, Room room)
    {
        // Should it fail midway, it holds none.
        room.Model = null;
        for (var i = 0; i < room.Weights.Places.Count; i++)
        {
            var place = room.Weights.Places[i];
            var into = staging is null ? place.Room.bytes : staging.Span(i);
            place.Write(models[model][place.Name], into);
            copies?.Begin(into, room.Addresses[i]);
        }

        copies?.Wait();
        room.Model = model;
    }

    private sealed class Room(MemberWeights weights)
    {
        public MemberWeights Weights { get; } = weights;

        public nint[] Addresses { get; } = [.. weights.Places.Select(place => DeviceAddress.Of(place.Room.Handle))];

        public int? Model { get; set; }
    }
}
