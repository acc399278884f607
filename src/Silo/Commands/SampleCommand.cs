using System.CommandLine;
using System.Globalization;
using Slowrun.Core.Inference;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Silo.Hosting;
using Slowrun.Storage;
using Slowrun.Training.Inference;
using Slowrun.Training.Numerics;

namespace Slowrun.Silo.Commands;

/// <summary><c>sample</c>: writes on from a prompt, token by token, by a finished stage or by a mixture of several.</summary>
internal static class SampleCommand
{
    public static Command Create() =>
        JobCommand.Create<SamplingRequest, SampledToken>(
            "sample",
            "Generates tokens for a client, which sends the request on standard input.",
            RunAsync
        );

    private static async Task RunAsync(SamplingRequest request, IObjectStore store, Action<SampledToken> tell, CancellationToken stop)
    {
        var slot = SlotNames.Parse(request.Device, Environment.ProcessorCount, CudaDevices.Count, "--device")[0];
        var inputs = await JobInputs.OpenAsync(store, request.Run, stop);
        CheckMemory(inputs.Plan, request, slot);
        using var generator = new MixtureGenerator(request.Average, slot);
        foreach (var member in request.Members)
        {
            // One after the other: a snapshot's bytes are free again when its model has taken them.
            var (plan, snapshot) = await inputs.ReadAsync(member.Stage, stop);
            await WorkerThread.RunAsync("loading", () => generator.Add(plan, snapshot, member.Weight));
        }

        var choice = new TokenChoice(request.Temperature, request.TopK, request.Seed);
        await WorkerThread.RunAsync(
            "sampling",
            () => generator.Generate(request.Prompt, request.Tokens, request.End, choice, token => tell(new SampledToken(token)), stop)
        );
    }

    /// <summary>All members' weights are in memory at once: a message now is better than a process killed for its memory.</summary>
    private static void CheckMemory(RunPlan plan, SamplingRequest request, string slot)
    {
        var models = request.Members.Sum(member =>
            request.Average == EnsembleAverage.Probabilities && plan.Has(member.Stage)
                ? plan[member.Stage].Stage.Selection.LateCheckpoints
                : 1
        );
        var needed = models * sizeof(float) * ParameterTable.Count(plan.Recipe.Model);
        var there = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (slot.StartsWith("cpu", StringComparison.Ordinal) && needed > there)
        {
            throw new InvalidDataException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The weights of {models} models take {needed / 1e9:0.0} GB, and this machine has {there / 1e9:0.0} GB of memory. Choose fewer members with --members or --select."
                )
            );
        }
    }
}
