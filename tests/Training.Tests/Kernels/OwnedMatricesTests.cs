using System.Runtime.InteropServices;
using Slowrun.Core.Models;
using Slowrun.Training.Kernels;
using Slowrun.Training.Models;
using Slowrun.Training.Parameters;
using Slowrun.Training.Tests.Stages;
using TorchSharp;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests.Kernels;

/// <summary>Constructors of the fused path that fail half-way leave nothing behind: a stage is taken again and again where memory is
/// short.</summary>
public sealed class OwnedMatricesTests
{
    /// <summary>The gates of its MLP are more than any address space has.</summary>
    [Fact]
    public void Activations_WhenMemoryEnds_GiveBackWhatTheyHave() =>
        AssertGivesBack<ExternalException>(() => new Activations(new HeadShape(1, 1 << 16, 1, 2), int.MaxValue));

    [Fact]
    public void FusedGpt_WithARotaryTableOfAnotherLength_GivesBackWhatItHas()
    {
        using var rotary = RotaryTable.Of(SmallStage.Model with { SequenceLength = 8 }, CPU);

        AssertGivesBack<ArgumentException>(() => new FusedGpt(SmallStage.Model, rotary, 2, 16));
    }

    [Fact]
    public void FusedWeights_OfAModelWithAnotherVocabulary_GiveBackWhatTheyHave()
    {
        var model = SmallStage.Model with { TransposedUnembedding = true, PadVocabTo = 1 };
        var table = ParameterTable.Of(model);
        var groups = ParameterGroups.Of(table, SmallStage.Recipe.Optimizer);
        using var parameters = new FlatParameters(ParameterGroups.Layout(table, groups), CPU);
        using var source = new ParameterSource(parameters, null);
        var weights = GptWeights.Of(model, source);

        AssertGivesBack<ExternalException>(() => new FusedWeights(model with { VocabSize = 1000 }, weights));
    }

    private static void AssertGivesBack<T>(Func<IDisposable> construct)
        where T : Exception
    {
        var statistics = DisposeScopeManager.Statistics;
        var before = statistics.ThreadTotalLiveCount;

        Assert.Throws<T>(() => construct().Dispose());

        Assert.Equal(before, statistics.ThreadTotalLiveCount);
    }
}
