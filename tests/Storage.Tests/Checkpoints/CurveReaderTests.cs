using System.Runtime.InteropServices;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using static Slowrun.Storage.Tests.Checkpoints.Examples;

namespace Slowrun.Storage.Tests.Checkpoints;

public sealed class CurveReaderTests
{
    private const int Steps = 6;

    private readonly MemoryStore store = new();
    private readonly RootCommit commit;

    public CurveReaderTests() => commit = new RootCommit(new RunDocuments(store, Run).Root(Stage), TimeProvider.System);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task TryRead_OfAStageWithoutACheckpoint_IsNull()
    {
        Assert.Null(await ReadAsync(store));
        await commit.TakeAsync(Request("first", Steps), Cancel);
        Assert.Null(await ReadAsync(store));
    }

    [Fact]
    public async Task TryRead_OfACheckpoint_GivesTheStepsDoneSoFar()
    {
        await commit.TakeAsync(Request("first", Steps), Cancel);
        var checkpoint = await CommitAsync(State(3, 2.5f, 1.5f));

        var curve = await ReadAsync(store);

        Assert.Equal(checkpoint, curve!.Checkpoint);
        Assert.Equal([3, 2.5f, 1.5f], curve.LossNats);
    }

    [Fact]
    public async Task TryRead_OfACheckpointBeforeTheFirstStep_IsEmptyAndAsksForNoEmptyRange()
    {
        await commit.TakeAsync(Request("first", Steps), Cancel);
        await CommitAsync(State());
        var metered = new MeteredStore(store);

        Assert.Empty((await ReadAsync(metered))!.LossNats);
        Assert.Equal(3, metered.Requests);
    }

    [Theory]
    [InlineData(1L << 30)]
    [InlineData(1_000)]
    public async Task TryRead_OfALargeCheckpoint_FetchesThousandthsOfIt(long partBytes)
    {
        await commit.TakeAsync(Request("first", Steps), Cancel);
        var weights = Enumerable.Range(0, 20).Select(i => new TensorData($"parameters.{i}", ElementType.U8, [1 << 20], new byte[1 << 20]));
        await CommitAsync([.. weights, .. State(3, 2)], steps: 2, partBytes);
        var metered = new MeteredStore(store);

        Assert.Equal([3, 2], (await ReadAsync(metered))!.LossNats);

        Assert.InRange(metered.Bytes, 1, 20_000);
        Assert.InRange(metered.Requests, 1, 4);
    }

    [Fact]
    public async Task TryRead_OfAHeaderLongerThanUsual_ReadsOn()
    {
        await commit.TakeAsync(Request("first", Steps), Cancel);
        var many = Enumerable.Range(0, 1_000).Select(i => new TensorData($"parameters/{i}", ElementType.U8, [1], new byte[1]));
        await CommitAsync([.. many, .. State(3, 2)], steps: 2);

        Assert.Equal([3, 2], (await ReadAsync(store))!.LossNats);
    }

    [Fact]
    public async Task TryRead_AfterStepsWereTrainedAgain_GivesThemOnceAsTheyCount()
    {
        await commit.TakeAsync(Request("first", Steps), Cancel);
        await CommitAsync(State(3, 2));
        // Steps 3 and 4 were told of, and then written, but never committed: their owner was lost.
        await WriteAsync(State(3, 2, 9, 9), 4);
        var second = new RootCommit(new RunDocuments(store, Run).Root(Stage), TimeProvider.System);
        await second.TakeAsync(Request("second", Steps), Cancel);
        Assert.Equal([3, 2], (await ReadAsync(store))!.LossNats);

        await second.CommitAsync(await WriteAsync(State(3, 2, 1.5f), 3, second.Root.EpochToken), new StageLedger(), Cancel);

        Assert.Equal([3, 2, 1.5f], (await ReadAsync(store))!.LossNats);
    }

    [Fact]
    public async Task TryRead_WhileTheOwnerSweepsWhatTheRootNamed_ReadsTheNewerOne()
    {
        await commit.TakeAsync(Request("first", Steps), Cancel);
        await CommitAsync(State(3));
        var sweeping = new SweepingStore(
            store,
            async () =>
            {
                await CommitAsync(State(3, 2));
                await CommitAsync(State(3, 2, 1));
                await Retention.SweepAsync(store, new StageSweep(Run, Stage, commit.Root, 2) { ByOwner = true }, Cancel);
            }
        );

        Assert.Equal([3, 2, 1], (await ReadAsync(sweeping))!.LossNats);
        Assert.True(sweeping.Swept);
    }

    [Theory]
    [InlineData("manifest.json", false)]
    [InlineData("part-0.safetensors", false)]
    [InlineData("part-0.safetensors", true)]
    public async Task TryRead_WhenTheNewestIsDamaged_GivesTheOneBefore(string name, bool cut)
    {
        await commit.TakeAsync(Request("first", Steps), Cancel);
        await CommitAsync(State(3, 2));
        var newest = RunPaths.Checkpoint(Run, Stage, 1, 3) + name;
        await CommitAsync(State(3, 2, 1));
        await DamageAsync(newest, cut);

        Assert.Equal([3, 2], (await ReadAsync(store))!.LossNats);

        await DamageAsync(RunPaths.Checkpoint(Run, Stage, 1, 2) + name, cut);
        var e = await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync(store));
        Assert.Contains(newest, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("other", ElementType.F32, 6)]
    [InlineData("losses", ElementType.I32, 6)]
    [InlineData("losses", ElementType.F32, 1)]
    public async Task TryRead_WithoutACurveOfThatManySteps_SaysWhatIsThere(string name, ElementType type, int length)
    {
        await commit.TakeAsync(Request("first", Steps), Cancel);
        await CommitAsync([new TensorData(name, type, [length], new byte[length * 4])], steps: 2);

        var e = await Assert.ThrowsAsync<InvalidDataException>(() => ReadAsync(store));
        Assert.Contains("'losses'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TryRead_WhenTheStoreDoesNotAnswer_ThrowsInsteadOfFallingBack()
    {
        await commit.TakeAsync(Request("first", Steps), Cancel);
        await CommitAsync(State(3));
        await CommitAsync(State(3, 2));

        await Assert.ThrowsAsync<IOException>(() => ReadAsync(new FaultyStore(store, 3, Fault.RequestLost)));
    }

    private static Task<LossCurve?> ReadAsync(IObjectStore from) => new CurveReader(from, Run).TryReadAsync(Stage, Cancel);

    /// <summary>The end of a state as the engine writes it: a curve of the whole stage's length, zero where no step was done.</summary>
    private static IReadOnlyList<TensorData> State(params float[] losses)
    {
        var curve = new float[Steps];
        losses.CopyTo(curve, 0);
        return
        [
            new TensorData("parameters", ElementType.F32, [1], new byte[4]),
            new TensorData("losses", ElementType.F32, [Steps], MemoryMarshal.AsBytes<float>(curve).ToArray()),
            new TensorData("step", ElementType.I64, [1], BitConverter.GetBytes((long)losses.Length)),
        ];
    }

    private Task<CheckpointRef> CommitAsync(IReadOnlyList<TensorData> state) =>
        CommitAsync(state, (int)BitConverter.ToInt64(state[^1].Bytes.Span));

    private async Task<CheckpointRef> CommitAsync(IReadOnlyList<TensorData> state, int steps, long partBytes = 1L << 30)
    {
        var checkpoint = await WriteAsync(state, steps, commit.Root.EpochToken, partBytes);
        await commit.CommitAsync(checkpoint, new StageLedger(), Cancel);
        return checkpoint;
    }

    private Task<CheckpointRef> WriteAsync(IReadOnlyList<TensorData> state, int step, long token = 1, long partBytes = 1L << 30) =>
        new CheckpointWriter(store, TimeProvider.System) { PartBytes = partBytes }.WriteAsync(
            Run,
            Stage,
            token,
            step,
            Identity(),
            state,
            Cancel
        );

    private async Task DamageAsync(string name, bool cut)
    {
        var bytes = (await store.TryReadAsync(name, Cancel))!.Content.ToArray();
        bytes[8] ^= (byte)(cut ? 0 : 1);
        await store.WriteAsync(name, cut ? bytes[..9] : bytes, Cancel);
    }

    private sealed class MeteredStore(IObjectStore inner) : DelegatingStore(inner)
    {
        public long Bytes { get; private set; }

        public int Requests { get; private set; }

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            var result = await run();
            Requests++;
            Bytes += result switch
            {
                // As long as it was opened: a cloud store fetches ahead of the reader.
                Stream opened => opened.Length,
                StoredObject read => read.Content.Length,
                _ => 0,
            };
            return result;
        }
    }

    /// <summary>Lets something happen once, just before the first part is opened.</summary>
    private sealed class SweepingStore(IObjectStore inner, Func<Task> sweep) : DelegatingStore(inner)
    {
        public bool Swept { get; private set; }

        protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            if (!Swept && operation.Kind == "open")
            {
                Swept = true;
                await sweep();
            }

            return await run();
        }
    }
}
