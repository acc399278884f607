using Slowrun.Core.Tensors;
using Slowrun.Storage.Checkpoints;
using static Slowrun.Storage.Tests.Checkpoints.Examples;

namespace Slowrun.Storage.Tests.Checkpoints;

public sealed class CheckpointWriterTests
{
    private readonly MemoryStore store = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Write_OfTensorsLargerThanAPart_GroupsThemInOrderAndTheManifestComesLast()
    {
        var log = new OperationLog(store);
        TensorData[] tensors = [Tensor("a", 60), Tensor("b", 40), Tensor("c", 1), Tensor("d", 500), Tensor("e", 1)];

        var checkpoint = await new CheckpointWriter(log, TimeProvider.System) { PartBytes = 100 }.WriteAsync(
            Run,
            Stage,
            3,
            70,
            Identity(),
            tensors,
            Cancel
        );

        const string Folder = "runs/demo/chain0/stage1/000003-00000070/";
        Assert.Equal(
            [.. Enumerable.Range(0, 4).Select(i => $"create {Folder}part-{i}.safetensors"), $"create {Folder}manifest.json"],
            log.Operations
        );
        Assert.Equal((Folder + "manifest.json", 70, 3L), (checkpoint.Manifest, checkpoint.Step, checkpoint.EpochToken));
        var read = await new CheckpointReader(store).ReadAsync(Run, Stage, checkpoint, Identity(), cancellationToken: Cancel);
        Assert.Equal(["a", "b", "c", "d", "e"], read.Select(tensor => tensor.Name));
    }

    [Fact]
    public async Task LengthBytes_OfLayouts_IsWhatIsWritten()
    {
        TensorData[] tensors = [Tensor("a", 60), Tensor("optimizer/b", 401), Tensor("c", 1)];
        var checkpoint = await new CheckpointWriter(store, TimeProvider.System).WriteAsync(Run, Stage, 3, 70, Identity(), tensors, Cancel);

        Assert.Equal(
            checkpoint.LengthBytes,
            CheckpointWriter.LengthBytes([.. tensors.Select(tensor => new TensorLayout(tensor.Name, tensor.Type, tensor.Shape))])
        );
    }

    [Fact]
    public async Task Write_OfTheSameAgain_Succeeds()
    {
        var writer = new CheckpointWriter(store, TimeProvider.System);
        var first = await writer.WriteAsync(Run, Stage, 1, 2, Identity(), State(7), Cancel);

        var second = await writer.WriteAsync(Run, Stage, 1, 2, Identity(), State(7), Cancel);

        Assert.Equal(first with { At = second.At }, second);
    }

    [Fact]
    public async Task Write_OfOtherBytesUnderTheSameName_ShowsBothHashes()
    {
        var writer = new CheckpointWriter(store, TimeProvider.System);
        await writer.WriteAsync(Run, Stage, 1, 2, Identity(), State(7), Cancel);

        var e = await Assert.ThrowsAsync<InvalidDataException>(() => writer.WriteAsync(Run, Stage, 1, 2, Identity(), State(8), Cancel));
        Assert.Contains("part-0.safetensors", e.Message, StringComparison.Ordinal);
        Assert.Equal(2, System.Text.RegularExpressions.Regex.Count(e.Message, "[0-9a-f]{32}"));
    }

    private static TensorData Tensor(string name, int bytes) => new(name, ElementType.U8, [bytes], new byte[bytes]);

    private sealed class OperationLog(IObjectStore inner) : DelegatingStore(inner)
    {
        public List<string> Operations { get; } = [];

        protected override Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
        {
            Operations.Add(operation.ToString());
            return run();
        }
    }
}
