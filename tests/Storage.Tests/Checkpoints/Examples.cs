using System.Buffers.Binary;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Checkpoints;

namespace Slowrun.Storage.Tests.Checkpoints;

/// <summary>What the tests of this folder train: a stage whose state is a function of the step, so that bytes can be compared.</summary>
internal static class Examples
{
    public const string Run = "demo";

    public static readonly StageId Stage = new(0, 1);

    public static StageIdentity Identity(string fingerprint = "f1") =>
        new()
        {
            RecipeSha256 = "r",
            DataSha256 = "d",
            TeacherSha256 = "t",
            EngineRevision = 1,
            NumericsFingerprint = fingerprint,
        };

    public static StageOwner Owner(string name) => new($"127.0.0.1:1@{name}", name, ["cpu:0"], DateTimeOffset.UnixEpoch);

    public static TakeRequest Request(string owner, int steps = 6) =>
        new()
        {
            Owner = Owner(owner),
            Identity = Identity(),
            Steps = steps,
            Ledger = new(),
        };

    public static CheckpointRef Ref(int step, long epochToken = 1) =>
        new($"runs/demo/chain0/stage1/{epochToken:D6}-{step:D8}/manifest.json", "h", step, epochToken, 8, DateTimeOffset.UnixEpoch);

    public static SnapshotRef Snapshot(string sha256 = "s") =>
        new($"runs/demo/snapshots/{sha256}.safetensors", sha256, 8, DateTimeOffset.UnixEpoch);

    /// <summary>The state after so many steps, each folding itself into a hash; two tensors, so that there are two parts if they are
    /// small.</summary>
    public static IReadOnlyList<TensorData> State(ulong hash)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, hash);
        return [new TensorData("model/w", ElementType.U8, [8], bytes), new TensorData("step", ElementType.I64, [1], bytes)];
    }

    public static ulong Hash(IReadOnlyList<TensorData> state) => BinaryPrimitives.ReadUInt64LittleEndian(state[0].Bytes.Span);

    public static ulong Step(ulong hash, int step) => ((hash ^ (ulong)(step + 1)) * 1_099_511_628_211UL) + 14_695_981_039_346_656_037UL;
}
