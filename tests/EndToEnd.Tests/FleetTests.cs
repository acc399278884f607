using Slowrun.Core.Plan;
using Slowrun.Tests.Storage;

namespace Slowrun.EndToEnd.Tests;

/// <summary>Several silos on one container of Azurite, as a fleet of machines on one storage account.</summary>
[Collection(Cli.Training)]
public sealed class FleetTests
{
    private static readonly string Spec = Path.Combine(AppContext.BaseDirectory, "Specs", "fleet.yaml");

    [Fact]
    public async Task Silos_ThreeOnOneContainer_ShareTheWorkAndSurviveTheLossOfEach()
    {
        using var directory = new TemporaryStore();
        var calm = new Cli(directory.Path);
        var undisturbed = await calm.RunAsync("run", Spec, "--name", "fleet");
        Assert.True(undisturbed.ExitCode == 0, undisturbed.Error + undisturbed.Output);

        var cli = new Cli(Azurite.NewAddress(), Azurite.ConnectionString(await Azurite.PortAsync()));
        var silos = new Dictionary<string, CliProcess>();
        try
        {
            foreach (var name in (string[])["one", "two", "three"])
            {
                silos[name] = Silo(cli, name);
            }

            // All are there before the run is: none comes too late for its share.
            foreach (var silo in silos.Values)
            {
                await silo.ServesAsync();
            }

            Assert.Equal(0, (await cli.RunAsync("submit", Spec, "--name", "fleet")).ExitCode);
            var share = new HashSet<string>();
            await cli.UntilAsync(
                "fleet",
                silos["one"],
                facts =>
                {
                    share.UnionWith(Owners(facts));
                    return share.Count == silos.Count || Readiness.IsOver(Readiness.StateOf(facts));
                }
            );
            Assert.Equal(silos.Keys.Order(), share.Order());
            foreach (var (name, next) in new[] { ("one", "four"), ("two", "five"), ("three", "six") })
            {
                // In the midst of a stage, not between two.
                await cli.UntilAsync(
                    "fleet",
                    silos[name],
                    facts => Owners(facts).Contains(name) || Readiness.IsOver(Readiness.StateOf(facts))
                );
                Processes.Signal(Processes.SiloNamed(cli.Store, name), Processes.SigKill);
                silos[name].Dispose();
                silos.Remove(name);
                silos[next] = Silo(cli, next);
                await cli.TrainingAsync("fleet", silos[next], steps: 20);
            }

            await cli.UntilAsync("fleet", silos["six"], facts => Readiness.StateOf(facts) == RunState.Succeeded);
            var lost = (await cli.FactsAsync("fleet", TestContext.Current.CancellationToken))!.Roots.Values.Sum(root => root.Preemptions);
            Assert.True(lost is >= 1 and <= 3, $"{lost} preemptions: {(await cli.RunAsync("events", "fleet")).Output}");
        }
        finally
        {
            foreach (var silo in silos.Values)
            {
                silo.Dispose();
            }
        }

        Assert.Equal(await Weights.ExportAsync(calm, "fleet"), await Weights.ExportAsync(cli, "fleet"));
    }

    private static CliProcess Silo(Cli cli, string name) => cli.Start("silo", "--slots", "cpu:1", "--name", name);

    private static HashSet<string> Owners(RunFacts facts) => [.. facts.Roots.Values.Select(root => root.Owner?.SiloName).OfType<string>()];
}
