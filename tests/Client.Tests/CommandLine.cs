using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Client.Cli;
using Slowrun.Client.Commands;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Core.Tensors;
using Slowrun.Grains.Interfaces;
using Slowrun.Storage;
using Slowrun.Storage.Addresses;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Runs;
using Slowrun.Storage.Tokens;
using Spectre.Console;

namespace Slowrun.Client.Tests;

/// <summary>The command line on a store in memory, with what it prints.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "A StringWriter holds nothing to dispose of.")]
internal sealed class CommandLine
{
    public static readonly DateTimeOffset Start = new(2026, 11, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly StringWriter output = new();
    private readonly StringWriter error = new();
    private readonly string address = $"memory:{Guid.NewGuid():N}";

    /// <summary>Of its store.</summary>
    public string Address => address;

    public FakeTimeProvider Time { get; } = new(Start);

    /// <summary>The client machine's clock, where it is not the store's.</summary>
    public TimeProvider? WrongTime { get; set; }

    /// <summary>The environment.</summary>
    public Dictionary<string, string> Variables { get; } = [];

    /// <summary>Stands for the silo's program.</summary>
    public Func<string, string, string, CancellationToken, IAsyncEnumerable<string>> AskSilo { get; set; } =
        (command, _, _, _) =>
            throw new InvalidOperationException($"The test does not expect the silo's program to be asked for '{command}'.");

    /// <summary>Memory of what a silo of this machine would train on.</summary>
    public IReadOnlyList<Core.Explain.SlotMemory> MachineSlots { get; set; } = [new("cpu:0", 1L << 40)];

    /// <summary>What the silos of <see cref="HaveSilosAsync(string[])"/> answer.</summary>
    public List<SiloReport> Reports { get; } = [];

    /// <summary>Characters in a line of the terminal.</summary>
    public int Width { get; set; } = 160;

    public string Output => output.ToString();

    public string Error => error.ToString();

    public ClientContext Context
    {
        get
        {
            var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output), Ansi = AnsiSupport.No });
            console.Profile.Width = Width;
            return new ClientContext
            {
                Output = output,
                Error = error,
                Console = console,
                Time = WrongTime ?? Time,
                Variable = Variables.GetValueOrDefault,
                AskSilo = AskSilo,
                MachineSlots = () => MachineSlots,
                AskSilos = (_, _, _) => Task.FromResult<IReadOnlyList<SiloReport>>(Reports),
            };
        }
    }

    public async Task<IObjectStore> StoreAsync() => await StoreAddress.OpenAsync(address, create: true, Time, Stop);

    public static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Runs a command as a user would; what it printed before is forgotten.</summary>
    public async Task<int> RunAsync(params string[] arguments)
    {
        output.GetStringBuilder().Clear();
        error.GetStringBuilder().Clear();
        return await SlowrunCommand.RunAsync(
            [.. arguments, .. arguments.Contains("--store") ? Array.Empty<string>() : ["--store", address]],
            Context,
            Stop
        );
    }

    public JsonElement Json()
    {
        using var document = JsonDocument.Parse(Output);
        return document.RootElement.Clone();
    }

    /// <summary>Puts a run of preset <c>micro</c> into the store, with data of no meaning.</summary>
    public async Task<RunSpec> HaveRunAsync(string name = "micro", params string[] set)
    {
        var store = await StoreAsync();
        var spec = SpecReader.FromPreset("micro", new SpecOverrides { Name = name, Set = set });
        var tokens = new Core.Tokens.ArrayTokenSet([256, 1, 2, 3], [0], [.. Enumerable.Repeat(1, 256), 0]);
        var sha256 = await new DataUpload(store).UploadAsync("bytes", tokens, null, tokens, "nothing", null, Stop);
        spec = spec with { Recipe = spec.Recipe with { Data = spec.Recipe.Data with { Sha256 = sha256 } } };
        Assert.True(await new RunDocuments(store, name).TryCreateSpecAsync(spec, Stop));
        return spec;
    }

    public async Task HaveRootAsync(string run, string stage, StageRoot root)
    {
        Assert.True(StageId.TryParse(stage, out var id));
        await (await StoreAsync()).WriteAsync(RunPaths.Root(run, id), CanonicalJson.Serialize(root), Stop);
    }

    /// <summary>A checkpoint with that loss curve, committed by epoch token 1; or what <paramref name="change"/> makes of its
    /// root.</summary>
    public async Task HaveCurveAsync(string run, string stage, float[] losses, int steps = 8, Func<StageRoot, StageRoot>? change = null)
    {
        Assert.True(StageId.TryParse(stage, out var id));
        float[] curve = [.. losses, .. new float[steps - losses.Length]];
        TensorData[] state =
        [
            new("parameters", ElementType.F32, [1], new byte[4]),
            new("losses", ElementType.F32, [steps], MemoryMarshal.AsBytes<float>(curve).ToArray()),
        ];
        var identity = new StageIdentity
        {
            RecipeSha256 = "r",
            DataSha256 = "d",
            EngineRevision = 1,
            NumericsFingerprint = "f",
        };
        var checkpoint = await new CheckpointWriter(await StoreAsync(), Time).WriteAsync(run, id, 1, losses.Length, identity, state, Stop);
        var root = Begun(losses.Length) with { Steps = steps, Current = checkpoint, Identity = identity };
        await HaveRootAsync(run, stage, change is null ? root : change(root));
    }

    /// <summary>Silos that serve the store, as far as its membership tells: the first at <c>127.0.0.1:2@0</c>, and so on.</summary>
    public Task HaveSilosAsync(params string[] names) => HaveSilosAsync([], names);

    /// <param name="slots">What each of them tells that it has.</param>
    public Task HaveSilosAsync(string[] slots, string[] names) => HaveSilosAsync(slots, null, names);

    /// <param name="slotBytes">The memory of each slot; null: not told.</param>
    public async Task HaveSilosAsync(string[] slots, long[]? slotBytes, string[] names)
    {
        var rows = names.Select(
            (name, i) =>
                new
                {
                    ETag = "1",
                    Silo = $"127.0.0.1:{i + 2}@0",
                    SiloName = name,
                    Status = "Active",
                    IAmAliveTime = Start.UtcDateTime,
                    Slots = slots,
                    SlotBytes = slotBytes,
                }
        );
        var document = new
        {
            Format = 1,
            Version = 1,
            WriteId = "1",
            Rows = rows,
        };
        await (await StoreAsync()).WriteAsync("cluster/membership", CanonicalJson.Serialize(document), Stop);
    }

    /// <summary>Owned by the first of <see cref="HaveSilosAsync(string[])"/>.</summary>
    public static StageRoot Owned(int step, string silo = "127.0.0.1:2@0", string name = "gpu-1") =>
        Begun(step) with
        {
            Owner = new StageOwner(silo, name, ["cpu:0"], Start.AddMinutes(-1)),
            Identity = new StageIdentity
            {
                RecipeSha256 = "r",
                DataSha256 = "d",
                EngineRevision = 1,
                NumericsFingerprint = "0123456789abcdef",
            },
        };

    public static StageRoot Begun(int step) =>
        new()
        {
            EpochToken = 1,
            Steps = 8,
            Current = new CheckpointRef("manifest", "hash", step, 1, 2_500_000, Start.AddSeconds(-30)),
            WrittenAt = Start.AddSeconds(-30),
        };
}
