using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Schedules;
using Slowrun.Core.Tensors;
using Slowrun.Training.Models;
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
    private readonly Tensor tokens;

    public StepParts(StagePlan plan)
    {
        this.plan = plan;
        var table = ParameterTable.Of(plan.Model);
        var groups = ParameterGroups.Of(table, plan.Stage.Optimizer);
        parameters = new FlatParameters(ParameterGroups.Layout(table, groups), CPU);
        Initializer.Fill(parameters, plan.Model, 1);
        gradients = parameters.NewGradients();
        gradients.Flat.fill_(1e-3);
        optimizer = new MuonAdamW(parameters, groups, plan.Stage.Optimizer);
        source = new ParameterSource(parameters, gradients);
        weights = GptWeights.Of(plan.Model, source);
        gpt = new Gpt(plan.Model, CPU);
        tokens = zeros([plan.Stage.DeviceRows, plan.Model.SequenceLength], ScalarType.Int64);
    }

    public IReadOnlyList<TensorData> Weights() => parameters.Export();

    /// <summary>One micro-batch to its logits, keeping what a backward pass would need.</summary>
    public void Forward()
    {
        using var scope = NewDisposeScope();
        var pass = new ForwardPass
        {
            Windows = AttentionWindows.Of(plan.Model),
            Loop = plan.Stage.Loop,
            Dropout = new Dropout(1, plan.Stage.Dropout),
        };
        gpt.Logits(weights, gpt.Hidden(weights, tokens, pass));
    }

    public void Optimize()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        GradientClipping.Clip(gradients.Flat, parameters.Layout, plan.Stage.ClipNorm);
        optimizer.Step(gradients.Flat, new ScheduleValues(1e-6, 0.95, 1));
    }

    public void Dispose()
    {
        tokens.Dispose();
        gpt.Dispose();
        source.Dispose();
        optimizer.Dispose();
        gradients.Dispose();
        parameters.Dispose();
    }
}
