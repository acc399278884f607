using Slowrun.Client.Cli;
using Slowrun.Core.Plan;
using Slowrun.Reading.Runs;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Completion;

/// <summary>Names that only a store knows. The user is typing: names that cannot be read at once are not offered.</summary>
internal sealed class StoreNames(ClientContext context, string address)
{
    // A directory answers in milliseconds, a blob container in some tenths of a second; a longer wait feels like a broken terminal.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1.5);

    public Task<IReadOnlyList<Candidate>> RunsAsync(string prefix = "", string suffix = "") =>
        TryAsync(
            async (reader, stop) =>
            {
                var naming = reader.Naming.TryReadAsync(stop);
                var names = await RunDocuments.ListRunsAsync(reader.Store, stop).ToListAsync(stop);
                return
                [
                    .. names.Select(name => new Candidate(prefix + name + suffix)),
                    .. (await naming).Besides(names).Runs.Select(given => new Candidate(prefix + given.Key + suffix, given.Value)),
                ];
            }
        );

    /// <param name="run">Whose stages.</param>
    public Task<IReadOnlyList<Candidate>> StagesAsync(string run) =>
        TryAsync(
            async (reader, stop) =>
                RunPaths.IsName(run)
                && await new RunDocuments(reader.Store, await reader.Naming.ResolveAsync(run, stop)).TryReadSpecAsync(stop) is { } spec
                    ? [.. new RunPlan(spec.Recipe).Stages.Select(stage => new Candidate($"{run}/{stage.Id}"))]
                    : []
        );

    public Task<IReadOnlyList<Candidate>> SilosAsync() =>
        TryAsync(async (reader, stop) => [.. (await reader.SilosAsync(stop)).Select(silo => new Candidate(silo.Name, silo.Silo))]);

    private async Task<IReadOnlyList<Candidate>> TryAsync(Func<RunReader, CancellationToken, Task<IReadOnlyList<Candidate>>> read)
    {
        using var limit = new CancellationTokenSource(Patience, context.Time);
        try
        {
            return await ReadAsync(limit.Token).WaitAsync(limit.Token);
        }
        catch (Exception)
        {
            // No store, no permission, no network, no time: a completion cannot show an error.
            return [];
        }

        async Task<IReadOnlyList<Candidate>> ReadAsync(CancellationToken stop) =>
            await read(new RunReader(await context.OpenStoreAsync(address, create: false, stop), context.Time), stop);
    }
}
