namespace Slowrun.EndToEnd.Tests;

/// <summary>
/// Silos that die at seeded points of their work, again and again, until the run is done. As many runs as <c>SLOWRUN_PROCESS_CRASHES</c>
/// says; 2 without it, since each starts several processes.
/// </summary>
[Collection(Cli.Training)]
public sealed class ProcessCrashTests(CalmMicro undisturbed)
{
    // Points where a silo can die, and how often at most it reaches each in a run of `micro` (8 steps, 2 stages).
    private static readonly (string Point, int Most)[] Points =
    [
        ("take", 2),
        ("restore", 2),
        ("step", 16),
        ("capture", 14),
        ("upload", 14),
        ("commit", 14),
        ("snapshot", 2),
        ("finish", 2),
        ("score", 2),
    ];

    private static int Samples => int.TryParse(Environment.GetEnvironmentVariable("SLOWRUN_PROCESS_CRASHES"), out var wanted) ? wanted : 2;

    [Fact]
    public async Task Run_WhenItsSilosDieAtAnyPoint_EndsWithTheSameBytes()
    {
        var calm = await Weights.ExportAsync(await undisturbed.CliAsync(), "micro");

        var random = new Random(4);
        var deaths = 0;
        for (var sample = 0; sample < Samples; sample++)
        {
            var (point, most) = Points[sample % Points.Length];
            // Silos of one client all inherit it: a point that the first one reaches at once kills each of them until nothing is left to do
            // before it.
            var at = $"{point}:{(point is "take" or "restore" ? 2 : random.Next(1, most + 1))}";
            using var store = new TemporaryStore();
            var cli = new Cli(store.Path);
            var disturbed = await cli.RunAsync(new Dictionary<string, string> { ["SLOWRUN_CRASH_AFTER"] = at }, "run", "micro");
            deaths += (disturbed.Output + disturbed.Error).Split("was ended by signal 9").Length - 1;
            var last = disturbed.ExitCode == 0 ? disturbed : await cli.RunAsync("run", "micro");
            Assert.True(last.ExitCode == 0, $"{at}: {last.Error}{last.Output}");
            Assert.Equal(calm, await Weights.ExportAsync(cli, "micro"));
            Assert.True((await cli.RunAsync("checkpoints", "gc", "micro")).ExitCode == 0, at);
            var verified = await cli.RunAsync("checkpoints", "verify", "micro");
            Assert.True(verified.ExitCode == 0, $"{at}: {verified.Output}");
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{Samples} runs, {deaths} silos died.");
        Assert.True(deaths > 0, "No silo died.");
    }
}
