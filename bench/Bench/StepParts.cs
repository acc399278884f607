using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Schedules;
using Slowrun.Core.Tensors;
using Slowrun.Training.Kernels;
using Slowrun.Training.Models;
using Slowrun.Training.Numerics;
using Slowrun.Training.Optimizers;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Bench;

/// <summary>The parts of a training step, one by one: the engine itself knows no clock.</summary>
internal sealed class StepParts : IDisposable
{
    private readonly StagePlan plan;
    private readonly FlatParameters parameters;
    private readonly FlatGradients gradients;
    private readonly MuonAdamW optimizer;
    private readonly ParameterSource source;
    private readonly GptWeights weights;
    private readonly Gpt gpt;
    private readonly StepPath path;
    private readonly Tensor tokens;
    private readonly FusedGpt? fused;
    private readonly FusedWeights? fusedWeights;

    public StepParts(StagePlan plan, StepPath path)
    {
        (this.plan, this.path) = (plan, path);
        var table = ParameterTable.Of(plan.Model);
        var groups = ParameterGroups.Of(table, plan.Stage.Optimizer);
        parameters = new FlatParameters(ParameterGroups.Layout(table, groups), CPU);
        Initializer.Fill(parameters, plan.Model, 1);
        gradients = parameters.NewGradients();
        gradients.Flat.fill_(1e-3);
        optimizer = new MuonAdamW(parameters, groups, plan.Stage.Optimizer, path);
        source = new ParameterSource(parameters, gradients);
        weights = GptWeights.Of(plan.Model, source);
        gpt = new Gpt(plan.Model, CPU);
        tokens = zeros([plan.Stage.DeviceRows, plan.Model.SequenceLength + 1], ScalarType.Int64);
        if (path == StepPath.Fused)
        {
            fused = new FusedGpt(plan.Model, gpt.Rotary, plan.Stage.DeviceRows, plan.Model.SequenceLength);
            fusedWeights = new FusedWeights(plan.Model, weights);
        }
    }

    public IReadOnlyList<TensorData> Weights() => parameters.Export();

    /// <summary>One micro-batch to its logits (fused: to its hidden states), keeping what a backward pass would need.</summary>
    public void Forward()
    {
        using var scope = NewDisposeScope();
        var pass = new ForwardPass
        {
            Windows = AttentionWindows.Of(plan.Model),
            Loop = plan.Stage.Loop,
            Dropout = new Dropout(1, plan.Stage.Dropout),
        };
        if (fused is not null)
        {
            fused.Forward(fusedWeights!, tokens, pass, keep: true);
            return;
        }

        gpt.Logits(weights, gpt.Hidden(weights, tokens.narrow(1, 0, plan.Model.SequenceLength), pass));
    }

    public void Optimize()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        GradientClipping.Clip(gradients.Flat, parameters.Layout, plan.Stage.ClipNorm, path);
        optimizer.Step(gradients.Flat, new ScheduleValues(1e-6, 0.95, 1));
    }

    public void Dispose()
    {
        fused?.Dispose();
        fusedWeights?.Dispose();
        tokens.Dispose();
        gpt.Dispose();
        source.Dispose();
        optimizer.Dispose();
        gradients.Dispose();
        parameters.Dispose();
    }
}
