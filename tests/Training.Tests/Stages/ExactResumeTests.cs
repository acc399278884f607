using System.Globalization;
using Slowrun.Core.Tensors;
using Slowrun.Training.Devices;
using Slowrun.Training.Stages;

namespace Slowrun.Training.Tests.Stages;

/// <summary>Whatever the recipe has on, a stage that goes on from a captured state does what it would have done.</summary>
public sealed class ExactResumeTests
{
    private const string Child = "SLOWRUN_TEST_RESUME";

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, 12)];

    /// <summary>By induction over the steps: from each captured state one step leads to the state that the undisturbed run has
    /// there.</summary>
    [Theory]
    [MemberData(nameof(Seeds))]
    public void Resume_AtEveryStepOfARandomRecipe_TakesTheSameNextStep(int seed)
    {
        var inputs = RandomStage.Of(seed);
        using var undisturbed = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        var state = SmallStage.Captured(undisturbed);
        for (var step = 0; step < undisturbed.Steps; step++)
        {
            // With another number of workers each time: they must not matter either.
            using var resumed = StageTraining.Resume(inputs, SmallStage.Cpus(1 << ((seed + step) % 3)), state);
            var taken = resumed.RunStep(TestContext.Current.CancellationToken);
            var expected = undisturbed.RunStep(TestContext.Current.CancellationToken);
            Assert.Equal(expected, taken);
            Assert.True(expected.Finite);
            state = SmallStage.Captured(undisturbed);
            SmallStage.AssertSame(state, SmallStage.Captured(resumed));
        }

        using var finished = StageTraining.Resume(inputs, SmallStage.Cpus(2), state);
        SmallStage.AssertSame(
            undisturbed.Snapshot(TestContext.Current.CancellationToken),
            finished.Snapshot(TestContext.Current.CancellationToken)
        );
    }

    [Theory]
    [InlineData(3)]
    [InlineData(8)]
    public async Task Resume_InAFreshProcess_EndsWithTheSameBytes(int seed)
    {
        var inputs = RandomStage.Of(seed);
        using var training = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        var directory = Directory.CreateTempSubdirectory("slowrun-resume-");
        try
        {
            var (from, to) = (Path.Combine(directory.FullName, "from"), Path.Combine(directory.FullName, "to"));
            StateFile.Write(from, SmallStage.Run(training, until: training.Steps / 2));
            await ChildTests.RunAsync(
                $"{typeof(ExactResumeTests).FullName}.{nameof(Resume_InThisProcess_WritesTheEnd)}",
                new Dictionary<string, string> { [Child] = string.Create(CultureInfo.InvariantCulture, $"{seed};{from};{to}") }
            );

            SmallStage.AssertSame(SmallStage.Run(training), StateFile.Read(to));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact(Explicit = true)]
    public void Resume_InThisProcess_WritesTheEnd()
    {
        var order = Environment.GetEnvironmentVariable(Child)!.Split(';');
        var inputs = RandomStage.Of(int.Parse(order[0], CultureInfo.InvariantCulture));
        using var training = StageTraining.Resume(inputs, SmallStage.Cpus(2), StateFile.Read(order[1]));
        StateFile.Write(order[2], SmallStage.Run(training));
    }

    [Fact]
    public void Begin_OfAContinuedStage_TakesOverMomentsAndPlaceInTheData()
    {
        var seed = Enumerable.Range(1, 100).First(candidate => RandomStage.Of(candidate).Plan.Predecessor is not null);
        var inputs = RandomStage.Of(seed);
        using var training = StageTraining.Begin(inputs, ComputeDevices.SingleCpu);
        var before = inputs.Predecessor!.ToDictionary(tensor => tensor.Name);
        var begun = SmallStage.Captured(training).ToDictionary(tensor => tensor.Name);

        Assert.Equal(0, training.Step);
        Assert.All(
            begun.Values.Where(tensor => tensor.Name.StartsWith("optimizer/", StringComparison.Ordinal) || tensor.Name == "micro-batches"),
            tensor => Assert.True(tensor.Bytes.Span.SequenceEqual(before[tensor.Name].Bytes.Span), tensor.Name)
        );
        Assert.False(begun["parameters"].Bytes.Span.SequenceEqual(before["parameters"].Bytes.Span));

        foreach (var name in (string[])["parameters", "optimizer/muon/first", "micro-batches"])
        {
            IReadOnlyList<TensorData> without = [.. inputs.Predecessor!.Where(tensor => tensor.Name != name)];
            var error = Assert.Throws<InvalidDataException>(() =>
                StageTraining.Begin(inputs with { Predecessor = without }, ComputeDevices.SingleCpu)
            );
            Assert.Contains($"'{name}'", error.Message, StringComparison.Ordinal);
        }
    }
}
