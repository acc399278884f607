using Slowrun.Core.Recipes;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Averaging;

/// <summary>An exponential moving average (EMA) of flat weights. Its whole memory is <see cref="State"/>.</summary>
public sealed class ExponentialAverage : IDisposable
{
    private readonly EmaForm form;
    private readonly double decay;
    private readonly HostMemory memory;
    private readonly Tensor shadow;
    private readonly Tensor updates;

    /// <param name="length">Of the flat weights.</param>
    /// <param name="decay">What one update leaves of the old average.</param>
    /// <param name="apart">Whether the average lies in the host's memory and the weights do not; null: as the device is.</param>
    public ExponentialAverage(long length, Device device, EmaForm form, double decay, bool? apart = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        memory = new HostMemory(device, apart ?? device.type != DeviceType.CPU);
        this.form = form;
        this.decay = decay;
        shadow = memory.Zeros(length);
        updates = zeros(1, ScalarType.Int64).DetachFromDisposeScope();
        State = [.. NamedTensor.Pieces("average/ema", shadow), new NamedTensor("average/ema-updates", updates)];
    }

    /// <summary>The average (float32, in the host's memory) and the number of updates (int64, on the CPU): read and written in
    /// place.</summary>
    public IReadOnlyList<NamedTensor> State { get; }

    public long Updates => updates.data<long>()[0];

    /// <summary>Moves the average towards the weights.</summary>
    /// <param name="weights">Flat float32, left as it is.</param>
    public void Update(Tensor weights)
    {
        using var noGradient = no_grad();
        if (Updates == 0 && form == EmaForm.FromFirstWeights)
        {
            shadow.copy_(weights);
        }
        else
        {
            memory.Change(shadow, weights, (average, live) => average.mul_(Scalars.Of(decay)).add_(live, Scalars.Of(1 - decay)));
        }

        updates.add_(Scalars.Of(1), Scalars.One);
    }

    /// <summary>Writes share·weights + (1 - share)·average over the weights (record 9: 0.6; the 15-minute track: 0).</summary>
    /// <exception cref="InvalidOperationException">Nothing was averaged.</exception>
    public void BlendInto(Tensor weights, double share)
    {
        if (Updates == 0)
        {
            throw new InvalidOperationException("The average has had no update; the stage is shorter than the averaging's interval.");
        }

        using var noGradient = no_grad();
        // An average that began at 0 is too small by what is left of the 0: counted by updates, where upstream is one short
        // unless the steps divide evenly.
        var bias = form == EmaForm.FromZero ? 1 - Math.Pow(decay, Updates) : 1;
        memory.Use(shadow, weights, (average, live) => live.mul_(Scalars.Of(share)).add_(average, Scalars.Of((1 - share) / bias)));
    }

    public void Dispose()
    {
        foreach (var piece in State)
        {
            piece.Tensor.Dispose();
        }

        shadow.Dispose();
    }
}
