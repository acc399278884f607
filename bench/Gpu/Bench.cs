using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Slowrun.Clustering.Machines;
using Slowrun.Training.Devices;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Numerics;
using Slowrun.Training.Tests.Kernels.Cuda;
using static TorchSharp.torch;

namespace Slowrun.Gpu;

/// <summary>The device that is measured, and how results are told: one line of JSON each, written at once.</summary>
/// <param name="cpu">A processor plays the device, with toy sizes.</param>
/// <param name="kernels">Steps by kernels of our own.</param>
internal sealed class Bench(bool cpu, bool kernels) : IDisposable
{
    // Only when something is measured: the table is made without a device.
    private readonly Lazy<NvidiaDevices?> devices = new(() => cpu ? null : NvidiaDevices.TryOpen(asCuda: true));
    private readonly Lazy<Device> device = new(() => ComputeDevices.DeviceOf(cpu ? "cpu:0" : "cuda:0"));

    public bool Toy => cpu;

    /// <summary>Null: the plan's own.</summary>
    public StepPath? Path => kernels ? StepPath.Kernels : null;

    /// <summary>Kernels of a device; null: its own.</summary>
    public Func<Device, CudaKernels>? KernelsOf => cpu ? _ => PlayedCuda.Kernels(rounded: true) : null;

    public string Slot => cpu ? "cpu:0" : "cuda:0";

    public ComputeDevices Compute => new([Slot]);

    public Device Device => device.Value;

    /// <summary>CUDA devices of the machine.</summary>
    public int Devices => cpu ? 1 : cuda.device_count();

    public void Settle()
    {
        if (!cpu)
        {
            cuda.synchronize(Device);
        }
    }

    /// <summary>Memory in use: on the device by whatever process, or the most that this process has had.</summary>
    public long UsedBytes() => devices.Value?.Read(Slot)?.UsedBytes ?? HighWater();

    /// <summary>Runs something, and looks at the memory meanwhile.</summary>
    public long PeakBytes(Action work)
    {
        long peak = 0;
        using var done = new ManualResetEventSlim();
        var watcher = new Thread(() =>
        {
            do
            {
                peak = Math.Max(peak, UsedBytes());
            } while (!done.Wait(10));
            peak = Math.Max(peak, UsedBytes());
        });
        watcher.Start();
        try
        {
            work();
        }
        finally
        {
            done.Set();
            watcher.Join();
        }

        return peak;
    }

    /// <summary>The median of some runs, each ended by waiting for the device.</summary>
    public double Seconds(int runs, Action work)
    {
        var times = new List<double>();
        for (var i = 0; i < runs; i++)
        {
            Settle();
            var watch = Stopwatch.StartNew();
            work();
            Settle();
            times.Add(watch.Elapsed.TotalSeconds);
        }

        times.Sort();
        return times[times.Count / 2];
    }

    public static int Tell(string part, string name, params (string Field, object? Value)[] fields)
    {
        var line = new JsonObject { ["part"] = part, ["name"] = name };
        foreach (var (field, value) in fields)
        {
            line[field] = value switch
            {
                null => null,
                double number when !double.IsFinite(number) => number.ToString(CultureInfo.InvariantCulture),
                _ => JsonSerializer.SerializeToNode(value, value.GetType()),
            };
        }

        Console.WriteLine(line.ToJsonString());
        Console.Out.Flush();
        return 0;
    }

    public void Dispose()
    {
        if (devices.IsValueCreated)
        {
            devices.Value?.Dispose();
        }
    }

    private static long HighWater()
    {
        const string field = "VmHWM:";
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(field, StringComparison.Ordinal));
        return 1024 * long.Parse(line[field.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture);
    }
}
