using System.Reflection;
using System.Runtime.InteropServices;
using Mono.Cecil;

namespace Slowrun.Architecture.Tests;

/// <summary>
/// A training step waits for its device once, where it reads losses and norm together (Scalars.Read). A forgotten reading or a copy from
/// the host elsewhere would stop the device's queue each time; on a processor that would go unnoticed.
/// </summary>
public sealed class DeviceWaitTests
{
    private static readonly string[] Step =
    [
        "Slowrun.Training.Models.",
        "Slowrun.Training.Lanes.",
        "Slowrun.Training.Kernels.",
        "Slowrun.Training.Distillation.",
        "Slowrun.Training.Optimizers.",
        "Slowrun.Training.Averaging.",
    ];

    /// <summary>Reads a tensor's memory or number on the host, or makes a tensor of the host's numbers.</summary>
    private static readonly HashSet<string> Waiting =
    [
        "cpu",
        "item",
        "data",
        "get_bytes",
        "numpy",
        "nonzero",
        "nonzero_as_list",
        "argwhere",
        "masked_select",
        "unique",
        "tensor",
        "from_array",
        "Read",
        "ReadSingles",
        "OnHost",
        "Places",
    ];

    private static readonly string[] Allowed =
    [
        // Once for a training, not for a step.
        "Slowrun.Training.Models.RotaryTable",
        "Slowrun.Training.Models.WindowMasks",
        "Slowrun.Training.Models.Initializer",
        "Slowrun.Training.Models.DeviceDraw",
        "Slowrun.Training.Models.RoundedWeights",
        "Slowrun.Training.Models.WindowedFlash",
        "Slowrun.Training.Averaging.Perturbation",
        // What a processor does in its own memory.
        "Slowrun.Training.Models.Dropout::Mask",
        "Slowrun.Training.Lanes.FusedTrainer",
        "Slowrun.Training.Distillation.MemberLoader::Load",
        // Counters that lie on the host.
        "Slowrun.Training.Averaging.ExponentialAverage::get_Updates",
        "Slowrun.Training.Averaging.WeightAverage::get_Count",
        "Slowrun.Training.Optimizers.MuonAdamW::Updates",
    ];

    [Fact]
    public void Step_OfTraining_ReadsNothingFromItsDeviceOnTheWay()
    {
        var silo = Path.GetDirectoryName(
            typeof(DeviceWaitTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "SlowrunSilo").Value!
        )!;
        using var resolver = new DefaultAssemblyResolver();
        resolver.AddSearchDirectory(silo);
        resolver.AddSearchDirectory(RuntimeEnvironment.GetRuntimeDirectory());
        using var engine = AssemblyDefinition.ReadAssembly(
            Path.Combine(silo, "Slowrun.Training.dll"),
            new ReaderParameters { AssemblyResolver = resolver }
        );
        var found = engine
            .MainModule.GetTypes()
            .SelectMany(type => type.Methods)
            .Where(method => method.HasBody)
            .SelectMany(method =>
                method
                    .Body.Instructions.Select(i => i.Operand)
                    .OfType<MethodReference>()
                    .Where(Waits)
                    .Select(called => $"{method.DeclaringType.FullName}::{method.Name} calls {called.Name}")
            )
            .ToList();
        var offenders = found.Where(call =>
            Step.Any(room => call.StartsWith(room, StringComparison.Ordinal))
            && !Allowed.Any(known => call.StartsWith(known, StringComparison.Ordinal))
        );

        Assert.True(found.Count > 10, "The engine was not understood: where it reads tensors was not found.");
        Assert.Empty(offenders);
    }

    private static bool Waits(MethodReference called) =>
        called.DeclaringType.FullName is "TorchSharp.torch/Tensor" or "TorchSharp.torch" or "Slowrun.Training.Numerics.Scalars"
        && Waiting.Contains(called.Name);
}
