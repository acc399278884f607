using System.CommandLine;
using Slowrun.Client.Cli;
using Slowrun.Clustering.Views;
using Slowrun.Core;
using Slowrun.Data.Corpus;
using Slowrun.Storage;
using Slowrun.Storage.Addresses;

namespace Slowrun.Client.Commands;

/// <summary><c>doctor</c>: whether this machine can train. Checks that need torch run in the silo's program.</summary>
internal static class DoctorCommand
{
    public static Command Create(ClientContext context, CommonOptions common)
    {
        var command = new Command("doctor", "Checks this machine: store, text, libtorch, reproducible numerics.");
        command.SetAction(
            async (parsed, stop) =>
            {
                var healthy = await CheckAsync(context, "store", () => StoreAsync(context, parsed.GetRequiredValue(common.Store), stop));
                healthy &= await CheckAsync(context, "text", () => Task.FromResult($"API documentation in {SdkDocsFolder.Find()}"));
                await context.Output.FlushAsync(stop);
                var trains = await SiloCommand.RunAsync(["doctor"], stop) == 0;
                if (!healthy)
                {
                    await context.Error.WriteLineAsync(
                        $"slowrun doctor: {(trains ? "the machine trains, but " : "")}not all is well: see above."
                    );
                }

                return trains && healthy ? ExitCode.Done : ExitCode.Failed;
            }
        );
        return command.WithExamples(
            "slowrun doctor",
            "slowrun doctor --store azblob://account/container",
            "slowrun doctor --store s3://bucket/prefix?region=eu-central-1"
        );
    }

    private static async Task<bool> CheckAsync(ClientContext context, string what, Func<Task<string>> check)
    {
        try
        {
            await context.Output.WriteLineAsync($"{what, -13} {await check()}");
            return true;
        }
        catch (Exception e)
            when (e
                    is CliException
                        or NotFoundException
                        or InvalidRequestException
                        or NotPossibleException
                        or CorpusException
                        or IOException
                        or InvalidDataException
                        or UnauthorizedAccessException
            )
        {
            await context.Error.WriteLineAsync($"slowrun doctor: {what}: {e.Message}");
            return false;
        }
    }

    private static async Task<string> StoreAsync(ClientContext context, string address, CancellationToken stop)
    {
        IObjectStore store;
        try
        {
            // A check must not create a store.
            store = await context.OpenStoreAsync(address, create: false, stop);
        }
        catch (NotFoundException) when (StoreAddress.IsDirectory(address))
        {
            OutputPaths.CheckFolder(address, "--store");
            return $"'{address}' is not there yet; the first run makes it";
        }

        // Written, read and deleted: permissions, conditions and space in one.
        var name = $"doctor/{Guid.NewGuid():N}";
        var etag = await store.TryCreateAsync(name, "slowrun"u8.ToArray(), stop);
        var refused = await store.TryReplaceAsync(name, "other"u8.ToArray(), $"{etag}x", stop) is null;
        var deleted = await store.TryDeleteAsync(name, etag, stop);
        if (etag is null || !refused || !deleted)
        {
            throw new InvalidDataException(
                $"'{store.Address}' does not keep to conditional writes (created {etag is not null}, stale replace refused {refused}, deleted {deleted}); two trainers could both commit there."
            );
        }

        var silos = await new ClusterView(store, context.Time).ReadAsync(stop);
        return $"'{store.Address}' keeps to conditional writes; {(silos.Count == 0 ? "no silo serves it" : $"served by {string.Join(", ", silos.Select(silo => silo.Name))}")}";
    }
}
