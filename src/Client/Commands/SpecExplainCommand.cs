using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Client.Display;
using Slowrun.Client.Runs;
using Slowrun.Core;
using Slowrun.Core.Explain;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;
using Slowrun.Data.Preparation;
using Slowrun.Storage;
using Slowrun.Storage.Checkpoints;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Commands;

/// <summary><c>spec explain</c>: what a spec needs of machines, time and money. Nothing is started and no model is made.</summary>
internal static class SpecExplainCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var options = new SpecOptions(context);
        var output = CommonOptions.Output();
        var data = new Option<string>("--data")
        {
            Description = "Prepared data, which must fit: its token counts instead of the recipe's.",
            HelpName = "DIR|HASH",
        };
        var upload = new Option<string>("--upload-rate")
        {
            Description = "How fast a silo writes to the store.",
            HelpName = "RATE",
            DefaultValueFactory = _ => "100MB/s",
        };
        var speed = new Option<double?>("--tokens-per-second")
        {
            Description = "Training tokens that one slot does in a second, as a mean over the run.",
            HelpName = "N",
        };
        var price = new Option<double?>("--price") { Description = "What a slot costs in an hour.", HelpName = "N" };
        var slots = new Option<int?>("--slots") { Description = "Slots to share the chains; default: one a chain.", HelpName = "N" };
        var memory = new Option<string>("--device-memory")
        {
            Description = "Memory of a CUDA device; where a stage needs more, options that help are computed.",
            HelpName = "SIZE",
            DefaultValueFactory = _ => "80GB",
        };
        memory.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string>() is { } given && ByteRate.TryParse(given) is null)
            {
                result.AddError($"--device-memory: found '{given}', expected a size such as 80GB.");
            }
        });
        Positive(speed);
        Positive(price);
        slots.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1 or > 100_000)
            {
                result.AddError("--slots: expected 1 to 100000.");
            }
        });
        upload.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string>() is { } given && ByteRate.TryParse(given) is null)
            {
                result.AddError($"--upload-rate: found '{given}', {ByteRate.Expected}.");
            }
        });
        var command = new Command(
            "explain",
            "Shows what a spec needs of machines: parameters, operations, memory, checkpoints, time and cost."
        )
        {
            data,
            upload,
            memory,
            speed,
            price,
            slots,
            output,
        };
        options.AddTo(command);
        command.SetAction(
            async (parsed, stop) =>
            {
                var spec = (
                    await new SpecOrRun(context, common).ReadAsync(
                        parsed,
                        parsed.GetRequiredValue(options.Spec),
                        options.Overrides(parsed),
                        stop
                    )
                ).Spec;
                var manifest = parsed.GetValue(data) is { } name
                    ? await CheckedAsync(
                        name,
                        spec.Recipe,
                        () => context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop),
                        stop
                    )
                    : null;

                var rates = new ExplainRates(
                    ByteRate.TryParse(parsed.GetRequiredValue(upload))!.Value,
                    parsed.GetValue(speed),
                    parsed.GetValue(price),
                    parsed.GetValue(slots)
                );
                var explained = RunExplanation.Of(spec, manifest?.Train.Tokens, rates, CheckpointWriter.LengthBytes);
                if (parsed.GetValue(output) == OutputFormat.Json)
                {
                    await context.Output.WriteLineAsync(Json.Text(explained));
                }
                else
                {
                    context.Console.Print(ExplanationText.Of(explained));
                    var device = new SlotMemory("cuda:0", (long)ByteRate.TryParse(parsed.GetRequiredValue(memory))!.Value);
                    await context.Output.WriteLineAsync(
                        MemoryCheck.Of(spec, manifest?.Train.Tokens, device) is { } shortage
                            ? $"A device of {Human.Bytes(device.Bytes)} is too small: {shortage}"
                            : $"Every stage fits a device of {Human.Bytes(device.Bytes)}."
                    );
                }

                return ExitCode.Done;
            }
        );
        return command.WithExamples(
            "slowrun spec explain slowrun-10x --upload-rate 500MB/s",
            "slowrun spec explain mine.yaml --data prepared --tokens-per-second 40000 --price 2.5",
            "slowrun spec explain demo -o json"
        );
    }

    private static async Task<DataManifest> CheckedAsync(string name, Recipe recipe, Func<Task<IObjectStore>> store, CancellationToken stop)
    {
        var data = await NamedData.OpenAsync(name, store, stop);
        DataFit.Check(data.Manifest, name, recipe);
        await DataFit.CheckTextAsync(data.Manifest, name, data.ReadAsync, stop);
        return data.Manifest;
    }

    private static void Positive(Option<double?> option) =>
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double?>() is { } number && !(number > 0 && double.IsFinite(number)))
            {
                result.AddError($"{option.Name}: expected a number above 0.");
            }
        });
}
