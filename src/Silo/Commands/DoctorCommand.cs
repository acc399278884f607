using System.CommandLine;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Slowrun.Clustering.Machines;
using Slowrun.Core;
using Slowrun.Core.Explain;
using Slowrun.Core.Presets;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Silo.Hosting;
using Slowrun.Silo.Preemption;
using Slowrun.Training;
using Slowrun.Training.Devices;
using Slowrun.Training.Fingerprinting;
using Slowrun.Training.Numerics;

namespace Slowrun.Silo.Commands;

/// <summary><c>doctor</c>: the devices, memory and libraries that the engine finds. Exits with 1 when training cannot work here.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var command = new Command("doctor", "Checks that this machine can train: libtorch loads, the numerics are reproducible.");
        command.SetAction(
            async (_, stop) =>
            {
                var trains = Run(Console.Out, Console.Error) == 0;
                return await PreemptionAsync(Console.Out, Console.Error, stop) && trains ? 0 : 1;
            }
        );
        return command;
    }

    private static int Run(TextWriter output, TextWriter error)
    {
        output.WriteLine(
            $"system        {RuntimeInformation.OSDescription}, .NET {Environment.Version}, {Environment.ProcessorCount} cores, AVX2 {Have(Avx2.IsSupported)}, AVX-512 {Have(Avx512F.IsSupported)}"
        );
        try
        {
            output.WriteLine($"libtorch      {TorchSharp.torch.__version__}, {CudaDevices.Count()} CUDA devices");
            var first = NumericsFingerprint.Of("cpu:0");
            var second = NumericsFingerprint.Of("cpu:0");
            output.WriteLine($"engine        revision {Engine.Revision}");
            output.WriteLine(
                $"fingerprint   {first[..16]} (at small sizes in float32; a stage's is taken at its own, and it waits for a machine that has it)"
            );
            if (first != second)
            {
                error.WriteLine(
                    $"slowrun doctor: the same canned training gave {first[..16]} and then {second[..16]}; expected the same bits. Runs on this machine would not be reproducible."
                );
                return 1;
            }

            for (var i = 0; i < CudaDevices.Count(); i++)
            {
                var slot = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"cuda:{i}");
                var found = NumericsFingerprint.Of(slot);
                output.WriteLine(
                    found.StartsWith(StageIdentity.UnrepeatablePrefix, StringComparison.Ordinal)
                        ? $"{slot, -14}does not give the same bits twice: stages trained on it are best effort"
                        : $"{slot, -14}fingerprint {found[..16]}, the same twice"
                );
                // 128: the heads of all presets that are for GPUs.
                output.WriteLine(
                    ComputeDevices.WindowObstacle(slot, 128) is { } obstacle
                        ? $"{"", -14}windows of attention are masks, which costs time: {obstacle}"
                        : $"{"", -14}flash attention with windows"
                );
                output.WriteLine(
                    ComputeDevices.KernelObstacle(slot) is { } missing
                        ? $"{"", -14}kernels of our own do not compile, so that steps are composed of libtorch's operations: {missing}"
                        : $"{"", -14}kernels of our own compile (steps are composed of libtorch's operations for now)"
                );
            }

            Memory(output);
            output.WriteLine("result        this machine trains reproducibly");
            return 0;
        }
        catch (DeviceRefusedException e)
        {
            error.WriteLine($"slowrun doctor: {e.Message}");
            return 1;
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException or NotSupportedException)
        {
            error.WriteLine(
                $"slowrun doctor: libtorch does not load: {e.GetBaseException().Message} `ldd` on libLibTorchSharp.so beside the silo shows what is missing."
            );
            return 1;
        }
    }

    /// <summary>What <c>SLOWRUN_PREEMPTION</c> makes a silo of this machine watch. Asks nobody where it is not set.</summary>
    /// <returns>Whether it would be watched.</returns>
    internal static async Task<bool> PreemptionAsync(TextWriter output, TextWriter error, CancellationToken stop)
    {
        PreemptionSettings? settings;
        try
        {
            settings = PreemptionOptions.Settings();
        }
        catch (FormatException e)
        {
            await error.WriteLineAsync($"slowrun doctor: {e.Message}");
            return false;
        }

        if (settings is null)
        {
            await output.WriteLineAsync(
                $"preemption    not watched ({PreemptionOptions.Variable}=auto, or silo --preemption auto, asks the platform whether this machine goes away)"
            );
            return true;
        }

        var found = await PlatformSearch.FindAsync(settings.Service, TimeProvider.System, stop);
        var sentence = PlatformSearch.Sentence(found, settings.Service.Address);
        if (settings.Platform is Platform.Auto ? found.Count == 1 : found.Contains(settings.Platform))
        {
            await output.WriteLineAsync($"preemption    {sentence}");
            return true;
        }

        await error.WriteLineAsync(
            $"slowrun doctor: preemption: {sentence} {PreemptionOptions.Variable} is {settings.Platform.ToString().ToLowerInvariant()}."
        );
        // Without a platform a silo that is to find one out serves all the same.
        return settings.Platform is Platform.Auto && found.Count == 0;
    }

    /// <summary>Which presets fit this machine's memory, and which options would make the others fit.</summary>
    private static void Memory(TextWriter output)
    {
        using var devices = NvidiaDevices.TryOpen(asCuda: true);
        var slots = MachineSlots.Of(SlotNames.Parse(null, 1, CudaDevices.Count), devices);
        foreach (var slot in slots)
        {
            var shortages = PresetFiles
                .Names.Select(preset => (Preset: preset, Shortage: MemoryCheck.Of(SpecReader.FromPreset(preset), null, slot)))
                .ToList();
            output.WriteLine(
                $"{"memory", -14}{slot.Slot} has {Human.Bytes(slot.Bytes)}: room for {string.Join(", ", shortages.Where(one => one.Shortage is null).Select(one => one.Preset))}"
            );
            foreach (var (preset, shortage) in shortages.Where(one => one.Shortage is not null))
            {
                output.WriteLine($"{"", -14}not for {preset}: {shortage}");
            }
        }
    }

    private static string Have(bool supported) => supported ? "yes" : "no";
}
