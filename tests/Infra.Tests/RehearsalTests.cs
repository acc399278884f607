using System.Globalization;
using System.Security.Cryptography;
using Slowrun.Clustering.Membership;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.EndToEnd.Tests;
using Slowrun.Infra.Tests.Rehearsal;

namespace Slowrun.Infra.Tests;

/// <summary>
/// The fleet without Azure: three machines that do what cloud-init tells them, on one network with one storage account, and are evicted in
/// turn. Each has a network, a systemd and a metadata service of its own; nothing of it is outside this machine.
/// </summary>
public sealed class RehearsalTests
{
    private const string Run = "rehearsal";
    private static readonly string Spec = Path.Combine(AppContext.BaseDirectory, "Rehearsal", "rehearsal.yaml");
    private static readonly string[] Places = ["north", "east", "west"];

    // Azure gives 30 s at best; here one machine plays several, and does much else.
    private static readonly TimeSpan Notice = TimeSpan.FromMinutes(5);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Fleet_WhenEveryMachineIsEvicted_EndsWithTheBytesOfACalmRun()
    {
        await NeedAsync();
        await NetworkNamespace.SweepAsync();
        var package = Package.OfTheBuiltSilo();
        var cloudInit = CloudInit.Of(
            await Bicep.ResourcesAsync(
                $"param packageSha256 = '{Convert.ToHexStringLower(SHA256.HashData(package))}'",
                "param gpuDriver = false",
                "param exitWhenIdle = '15s'",
                "param siloOptions = '--slots cpu:1 --imds-interval 200ms'"
            )
        );
        var address = cloudInit.Variable("SLOWRUN_STORE");
        await using var site = await Site.BuildAsync(new Uri(address).Host);
        var cli = new Cli(address, site.OutsideConnection);
        var submitted = await cli.RunAsync("submit", Spec, "--name", Run);
        Assert.True(submitted.ExitCode == 0, submitted.Error);

        var machines = new Dictionary<string, Machine>();
        var (boots, trained) = (0, 0);
        try
        {
            foreach (var place in Places)
            {
                machines[place] = await BootAsync(place);
            }

            await CrashAsync(cli, machines[Places[0]]);
            foreach (var place in Places)
            {
                trained += await EvictAsync(cli, machines[place]) ? 1 : 0;
                await machines[place].DisposeAsync();
                machines[place] = await BootAsync(place);
            }

            // A machine for which nothing is ready ends, now or while others still train.
            await UntilAsync(cli, machines.Values, facts => Readiness.StateOf(facts) == RunState.Succeeded);
            foreach (var machine in machines.Values)
            {
                await machine.Ended.WaitAsync(Until.Patience, Stop);
                Assert.Single(machine.Deallocations);
            }
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new InvalidOperationException($"{e.Message}\n{string.Join('\n', machines.Values.Select(machine => machine.Story()))}", e);
        }
        finally
        {
            foreach (var machine in machines.Values)
            {
                await machine.DisposeAsync();
            }
        }

        using var directory = new TemporaryStore();
        var calm = new Cli(directory.Path);
        var undisturbed = await calm.RunAsync("run", Spec, "--name", Run);
        Assert.True(undisturbed.ExitCode == 0, undisturbed.Error + undisturbed.Output);

        Assert.True(trained > 1, $"Only {trained} machines trained when they were evicted: the run needs more epochs here.");
        Assert.Equal(await Weights.ExportAsync(calm, Run), await Weights.ExportAsync(cli, Run));

        Task<Machine> BootAsync(string place) =>
            Machine.BootAsync(site, string.Create(CultureInfo.InvariantCulture, $"{place}-{++boots}"), cloudInit, package);
    }

    /// <summary>A silo that trains crashes: its service manager writes to the store how it ended, and starts another.</summary>
    private static async Task CrashAsync(Cli cli, Machine machine)
    {
        var before = await UntilAsync(cli, [machine], facts => Owned(facts, machine).Any(pair => pair.Value.DurableStep > 0));
        var crashed = Owned(before, machine).First().Value.Owner!.Silo;
        await machine.CrashSiloAsync();
        var ends = new SiloEnds(await cli.OpenStoreAsync(Stop));
        await UntilAsync(cli, [machine], async _ => await ends.TryFindAsync(crashed, Stop) == new SiloEnd(6, null));
        await UntilAsync(cli, [machine], facts => Owned(facts, machine).Any(pair => pair.Value.Owner!.Silo != crashed));
    }

    /// <summary>Azure takes a machine that trains away: it gets the notice, acknowledges it, and is gone.</summary>
    /// <returns>Whether it trained.</returns>
    private static async Task<bool> EvictAsync(Cli cli, Machine machine)
    {
        // It has committed steps of its own, so it is in the middle of something; or there is nothing left for it, on a fast machine, which
        // then may have ended by itself.
        var firstSeen = new Dictionary<StageId, int>();
        var before = await UntilAsync(
            cli,
            [machine],
            facts =>
                EndedIdle(machine)
                || Readiness.IsOver(Readiness.StateOf(facts))
                || Owned(facts, machine)
                    .Any(pair => !firstSeen.TryAdd(pair.Key, pair.Value.DurableStep) && pair.Value.DurableStep > firstSeen[pair.Key])
        );
        machine.Metadata.Announce("Preempt", TimeProvider.System.GetUtcNow() + Notice, machine.Name);
        await Until.HoldsAsync(() => !machine.Metadata.Acknowledged.IsEmpty || EndedIdle(machine));
        if (machine.Metadata.Acknowledged.IsEmpty)
        {
            return false;
        }

        // As it stands in the store when Azure may take the machine: nothing is held by it, and nothing that it trained is lost.
        var after = (await cli.FactsAsync(Run, Stop))!;
        Assert.Empty(Owned(after, machine));
        Assert.Equal(before.Roots.Values.Sum(root => root.LostSteps), after.Roots.Values.Sum(root => root.LostSteps));
        await machine.CutAsync();
        Assert.Empty(machine.Metadata.Refused);
        Assert.Empty(machine.Deallocations);
        return Owned(before, machine).Any();
    }

    /// <summary>Whether the machine deallocated itself: nothing was ready for it for so long (exitWhenIdle).</summary>
    private static bool EndedIdle(Machine machine) => machine.Deallocations.Count > 0;

    private static IEnumerable<KeyValuePair<StageId, StageRoot>> Owned(RunFacts facts, Machine machine) =>
        facts.Roots.Where(pair => pair.Value.Owner?.SiloName.StartsWith(machine.Name + "-", StringComparison.Ordinal) == true);

    private static Task<RunFacts> UntilAsync(Cli cli, IReadOnlyCollection<Machine> running, Func<RunFacts, bool> reached) =>
        UntilAsync(cli, running, facts => Task.FromResult(reached(facts)));

    private static async Task<RunFacts> UntilAsync(Cli cli, IReadOnlyCollection<Machine> running, Func<RunFacts, Task<bool>> reached)
    {
        RunFacts? facts = null;
        await Until.HoldsAsync(async stop =>
        {
            facts = await cli.FactsAsync(Run, stop);
            if (facts is not null && await reached(facts))
            {
                return true;
            }

            Assert.All(
                running,
                machine =>
                    Assert.True(
                        !machine.Ended.IsCompleted || EndedIdle(machine),
                        $"{machine.Name} ended, and not because it had nothing to do."
                    )
            );
            return false;
        });
        return facts!;
    }

    /// <summary>Skips where this machine cannot play a data centre.</summary>
    private static async Task NeedAsync()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Network namespaces and machines with a systemd of their own need root.");
        Tool.Need("ip", "unshare", "nsenter", "curl", "node");
        Assert.SkipUnless(File.Exists("/lib/systemd/systemd"), "This machine has no systemd.");
        var version = (await Tool.DoAsync("/lib/systemd/systemd", "--version")).Split(' ')[1];
        Assert.SkipUnless(
            int.Parse(version, CultureInfo.InvariantCulture) < 256,
            $"Systemd {version} wants control groups of version 2; here it runs in a group of version 1."
        );
        var trial = await Tool.RunAsync(
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--net",
            "--cgroup",
            "bash",
            "-c",
            "mount -t tmpfs t /opt && mkdir /opt/g && mount -t cgroup -o none,name=systemd t /opt/g && ip link add name trial0 type veth peer name trial1 && ip link add name trial2 type bridge"
        );
        Assert.SkipUnless(trial.ExitCode == 0, $"This machine does not let root make networks and mounts of its own: {trial.Error}");
    }
}
