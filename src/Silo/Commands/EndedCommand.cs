using System.CommandLine;
using Slowrun.Clustering.Membership;
using Slowrun.Storage.Addresses;

namespace Slowrun.Silo.Commands;

/// <summary>
/// <c>ended</c>: for a service manager, after the silo's process is gone. Writes into its row of the membership how it ended, so that the
/// next owner can tell a stage that crashes every process from machines that are lost (decision 9).
/// </summary>
internal static class EndedCommand
{
    public static Command Create()
    {
        var store = new Option<string>("--store")
        {
            Description = "A directory, azblob://account/container, s3://bucket/prefix, or gs://bucket/prefix.",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("SLOWRUN_STORE") ?? ".slowrun",
        };
        var command = new Command(
            "ended",
            "Notes in the store how this machine's last silo ended, by systemd's SERVICE_RESULT, EXIT_CODE and EXIT_STATUS."
        )
        {
            store,
        };
        command.SetAction(
            async (parsed, stop) =>
            {
                var end = SiloEnd.OfService(
                    Environment.GetEnvironmentVariable("SERVICE_RESULT"),
                    Environment.GetEnvironmentVariable("EXIT_CODE"),
                    Environment.GetEnvironmentVariable("EXIT_STATUS")
                );
                if (end is null)
                {
                    return 0;
                }

                try
                {
                    await new SiloEnds(
                        await StoreAddress.OpenAsync(parsed.GetRequiredValue(store), create: false, cancellationToken: stop)
                    ).RecordLastAsync(end, stop);
                    await Console.Out.WriteLineAsync($"The silo {end}, which was noted in the store.");
                    return 0;
                }
                catch (Exception e)
                    when (e is IOException or UnauthorizedAccessException or InvalidDataException or FormatException or ArgumentException)
                {
                    await Console.Error.WriteLineAsync(
                        $"slowrun ended: the silo {end}, which could not be noted in the store: {e.Message}"
                    );
                    return 1;
                }
            }
        );
        return command;
    }
}
