using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Presets;
using Slowrun.Core.Specs;
using Slowrun.Reading.Runs;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Runs;

/// <summary>Resolves the SPEC of commands that only read: a preset, a file, or a run of the store as <c>run:NAME</c>, or by its bare name
/// where no preset or file has it.</summary>
internal sealed class SpecOrRun(ClientContext context, CommonOptions common)
{
    public const string Description =
        "A preset's name, a YAML or JSON file, or a run of the store: run:NAME, or NAME where no preset or file is called so.";

    public const string RunPrefix = "run:";

    /// <exception cref="NotFoundException">There is no such preset, file or run.</exception>
    /// <exception cref="SpecException">It is wrong; with every problem.</exception>
    public async Task<ResolvedSpec> ReadAsync(ParseResult parsed, string what, SpecOverrides overrides, CancellationToken stop)
    {
        var isRun = what.StartsWith(RunPrefix, StringComparison.Ordinal);
        if (!isRun && SpecSource.TryResolve(what, overrides) is { } found)
        {
            return found;
        }

        var address = parsed.GetRequiredValue(common.Store);
        var name = isRun ? what[RunPrefix.Length..] : what;
        try
        {
            return await RunAsync(address, name, overrides, stop);
        }
        catch (NotFoundException e) when (!isRun)
        {
            throw new NotFoundException(
                $"'{what}' is no preset, no file, and no run of '{address}'.{Nearest.Hint(what, PresetFiles.Names)} Presets are: {string.Join(", ", PresetFiles.Names)}.",
                e
            );
        }
    }

    private async Task<ResolvedSpec> RunAsync(string address, string name, SpecOverrides overrides, CancellationToken stop)
    {
        var store = await context.OpenStoreAsync(address, create: false, stop);
        var reader = new RunReader(store, context.Time);
        name = await reader.Naming.ResolveAsync(name, stop);
        var now = (await reader.FactsAsync(name, stop)).Spec;
        if (overrides.Set.Count > 0)
        {
            return SpecReader.ResolveText(SpecWriter.Yaml(now), $"run {name}", overrides with { Name = overrides.Name ?? now.Name });
        }

        var submitted = await new RunDocuments(store, name).TryReadSubmittedSpecAsync(stop) ?? now;
        var changed = SpecDifferences
            .Between(submitted.Operations, now.Operations, "operations")
            .Select(change => $"{change.Path}={change.Here?.ToJsonString() ?? "null"}");
        return SpecReader.ResolveText(
            SpecWriter.Yaml(submitted),
            $"run {name}",
            new SpecOverrides
            {
                Set = [.. changed],
                SetFrom = "slowrun set",
                Name = overrides.Name ?? now.Name,
            }
        );
    }
}
