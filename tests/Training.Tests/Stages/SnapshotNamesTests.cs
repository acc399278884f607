using Slowrun.Core.Tensors;
using Slowrun.Training.Devices;
using Slowrun.Training.Stages;
using Slowrun.Training.Tests.Models;

namespace Slowrun.Training.Tests.Stages;

/// <summary>A stage trained by the recipe of a fixture keeps exactly upstream's tensors: what export writes can be loaded there.</summary>
public sealed class SnapshotNamesTests
{
    [Theory]
    [InlineData("A_rec9_gpt")]
    [InlineData("B_head_gpt")]
    public void Snapshot_OfAFixturesModel_HasUpstreamsNamesAndShapes(string family)
    {
        var model = new GptFixture(FixtureSet.Json(family)["config"]!.AsObject(), family + "_weights").Model;
        var inputs = SmallStage.Inputs(
            new()
            {
                BatchTokens = 2 * 2 * model.SequenceLength,
                DeviceRows = 2,
                Lanes = 2,
                Epochs = 1,
            },
            model
        );
        using var training = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        SmallStage.Run(training);

        var snapshot = training.Snapshot(TestContext.Current.CancellationToken)!;

        Assert.Equal(Described(FixtureSet.Tensors(family + "_weights").Values), Described(snapshot));
        Assert.All(snapshot, tensor => Assert.Equal(ElementType.F32, tensor.Type));
    }

    private static IEnumerable<string> Described(IEnumerable<TensorData> tensors) =>
        tensors.Select(tensor => $"{tensor.Name} [{string.Join(", ", tensor.Shape)}]").Order(StringComparer.Ordinal);
}
