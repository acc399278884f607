using System.CommandLine;
using System.Globalization;
using Slowrun.Client.Cli;
using Slowrun.Clustering.Security;
using Slowrun.Reading.Runs;

namespace Slowrun.Client.Commands;

/// <summary><c>cluster rotate-certificate</c>: replaces the certificate of the silos that serve a store.</summary>
internal static class ClusterCommand
{
    // A silo that lives answers in milliseconds, one whose cores all train in a second.
    private static readonly TimeSpan TellDeadline = TimeSpan.FromSeconds(10);

    public static Command Create(ClientContext context, CommonOptions common) =>
        new Command("cluster", "Manages the certificate by which the silos and clients of a store recognize each other.")
        {
            Rotate(context, common),
        }.WithExamples("slowrun cluster rotate-certificate");

    private static Command Rotate(ClientContext context, CommonOptions common)
    {
        var revoke = new Option<bool>("--revoke-old")
        {
            Description =
                "The old one is refused at once, and connections made with it end: for a key that may have leaked. Calls in flight may fail and are repeated.",
        };
        var command = new Command(
            "rotate-certificate",
            "Makes a new certificate; running silos switch to it, and their connections stay. The old one is accepted until the next rotation."
        )
        {
            revoke,
        };
        command.SetAction(
            async (parsed, stop) =>
            {
                var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
                var revoked = parsed.GetValue(revoke);
                var rotation = new CertificateRotation(store);
                var made = await rotation.RotateAsync(keepPrevious: !revoked, stop);
                await context.Output.WriteLineAsync(
                    $"The certificate of '{store.Address}' is {made[..12]} now; the one before is {(revoked ? "refused" : "accepted until the next rotation")}."
                );
                var silos = await new RunReader(store, context.Time).SilosAsync(stop);
                var told = await Task.WhenAll(silos.Select(silo => rotation.TryTellAsync(silo.Silo, TellDeadline, stop)));
                foreach (var (silo, hasIt) in silos.Zip(told))
                {
                    await context.Error.WriteLineAsync(
                        hasIt
                            ? $"{silo.Name} has it."
                            : string.Create(
                                CultureInfo.InvariantCulture,
                                $"{silo.Name} ({silo.Silo}) could not be reached from here: it takes it over at its next connection, within {CertificateRotation.SeenWithin.TotalMinutes:F0} minutes at the latest."
                            )
                    );
                }

                return ExitCode.Done;
            }
        );
        return command.WithExamples(
            "slowrun cluster rotate-certificate",
            "slowrun cluster rotate-certificate --revoke-old --store azblob://account/container"
        );
    }
}
