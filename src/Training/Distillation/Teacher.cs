using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Tensors;
using Slowrun.Training.Models;
using Slowrun.Training.Parameters;
using Slowrun.Training.Stages;
using static TorchSharp.torch;

namespace Slowrun.Training.Distillation;

/// <summary>A finished model whose predictions are learnt. Read by all workers of a device; never changed.</summary>
internal sealed class Teacher : IDisposable
{
    private readonly FlatParameters parameters;
    private readonly ParameterSource source;

    /// <exception cref="InvalidDataException">The weights are not this model's.</exception>
    public Teacher(StagePlan plan, IReadOnlyList<TensorData> weights, Device device)
    {
        var table = ParameterTable.Of(plan.Model);
        parameters = new FlatParameters(ParameterGroups.Layout(table, ParameterGroups.Of(table, plan.Stage.Optimizer)), device);
        parameters.Load(CheckpointNames.Last(weights));
        source = new ParameterSource(parameters, null);
        Weights = GptWeights.Of(plan.Model, source);
        Pass = StepSettings.Finished(plan.Model, plan.Stage);
    }

    public GptWeights Weights { get; }

    /// <summary>Always with the loop of the stage it teaches, whether the student loops yet or not, and never with dropout.</summary>
    public ForwardPass Pass { get; }

    public void Dispose()
    {
        source.Dispose();
        parameters.Dispose();
    }
}
