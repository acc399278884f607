using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Storage;
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

    public FakeTimeProvider Time { get; } = new(Start);

    /// <summary>The environment.</summary>
    public Dictionary<string, string> Variables { get; } = [];

    /// <summary>Stands for the silo's program.</summary>
    public Func<string, string, string, CancellationToken, IAsyncEnumerable<string>> AskSilo { get; set; } =
        (command, _, _, _) => throw new InvalidOperationException($"Nobody expected the silo's program to be asked for '{command}'.");

    public string Output => output.ToString();

    public string Error => error.ToString();

    public ClientContext Context
    {
        get
        {
            var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output), Ansi = AnsiSupport.No });
            console.Profile.Width = 160;
            return new ClientContext { Output = output, Error = error, Console = console, Time = Time, Variable = Variables.GetValueOrDefault, AskSilo = AskSilo };
        }
    }

    public async Task<IObjectStore> StoreAsync() => await StoreAddress.OpenAsync(address, create: true, Time, Stop);

    public static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Runs a command as a user would; what it printed before is forgotten.</summary>
    public async Task<int> RunAsync(params string[] arguments)
    {
        output.GetStringBuilder().Clear();
        error.GetStringBuilder().Clear();
        return await SlowrunCommand.RunAsync([.. arguments, .. arguments.Contains("--store") ? Array.Empty<string>() : ["--store", address]], Context, Stop);
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

    public static StageRoot Begun(int step) => new()
    {
        EpochToken = 1,
        Steps = 8,
        Current = new CheckpointRef("manifest", "hash", step, 1, 2_500_000, Start.AddSeconds(-30)),
        WrittenAt = Start.AddSeconds(-30),
    };
}
