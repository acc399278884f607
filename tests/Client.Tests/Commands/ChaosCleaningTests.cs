using Slowrun.Clustering.Membership;
using Slowrun.Core.Recipes;
using Slowrun.Fleet.Chaos.Leftovers;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Client.Tests.Commands;

public sealed class ChaosCleaningTests
{
    private static readonly ProcessIdentity Killed = ProcessIdentity.Current with { StartTicks = 1 };

    private readonly CommandLine cli = new();

    [Fact]
    public async Task Clean_RemovesTheRunsOfAKilledChaosAndNothingElse()
    {
        await cli.HaveRunAsync("micro-calm-1");
        await cli.HaveRunAsync("micro-chaos-1");
        await cli.HaveRunAsync("mine");
        await HaveMarkAsync("killed", Killed, "micro-calm-1", "micro-chaos-1");

        Assert.Equal(0, await cli.RunAsync("chaos", "--clean"));

        Assert.Matches(@"micro-calm-1: \d+ objects, .* deleted\.", cli.Output);
        Assert.Matches(@"micro-chaos-1: \d+ objects, .* deleted\.", cli.Output);
        Assert.Equal(["mine"], await RunsAsync());
        Assert.Empty(await MarksAsync());
        Assert.Equal(0, await cli.RunAsync("chaos", "--clean"));
        Assert.Contains("No interrupted chaos has left anything", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Clean_WhileAChaosIsUnderWay_LeavesItAlone()
    {
        await cli.HaveRunAsync("micro-calm-1");
        await cli.HaveRunAsync("micro-calm-2");
        await HaveMarkAsync("living", ProcessIdentity.Current, "micro-calm-1");
        await HaveMarkAsync("killed", Killed, "micro-calm-2");

        Assert.Equal(0, await cli.RunAsync("chaos", "--clean", "-o", "json"));

        Assert.Equal("micro-calm-2", Assert.Single(cli.Json().GetProperty("runs").EnumerateArray()).GetString());
        Assert.Equal(
            "micro-calm-1",
            cli.Json().GetProperty("underWay").EnumerateArray().Single().GetProperty("runs").EnumerateArray().Single().GetString()
        );
        Assert.Equal(["micro-calm-1"], await RunsAsync());
        Assert.Equal(["chaos/living"], await MarksAsync());
    }

    [Fact]
    public async Task Clean_RemovesCacheFoldersOfChaosAlone()
    {
        var cache = Directory.CreateTempSubdirectory("slowrun-chaos-cache-").FullName;
        var other = Directory.CreateTempSubdirectory("slowrun-test-").FullName;
        try
        {
            await HaveMarkAsync("one", Killed, cache, []);
            await HaveMarkAsync("two", Killed, other, []);

            Assert.Equal(0, await cli.RunAsync("chaos", "--clean"));

            Assert.Equal($"{cache}: deleted.", cli.Output.Trim());
            Assert.False(Directory.Exists(cache));
            Assert.True(Directory.Exists(other));
        }
        finally
        {
            Directory.Delete(other);
        }
    }

    [Fact]
    public async Task Clean_OfARunThatTaughtAnother_KeepsIt()
    {
        var spec = await cli.HaveRunAsync("micro-calm-1");
        var taught = spec with
        {
            Name = "student",
            Recipe = spec.Recipe with
            {
                Chains = [new ChainRecipe()],
                Stage = spec.Recipe.Stage with { Distillation = new DistillationRecipe() },
                Teacher = new TeacherRecipe
                {
                    Run = "micro-calm-1",
                    Model = spec.Recipe.Model,
                    Members = [new TeacherMemberRecipe { Sha256 = new string('a', 64), Weight = 1 }],
                },
            },
        };
        Assert.True(await new RunDocuments(await cli.StoreAsync(), "student").TryCreateSpecAsync(taught, CommandLine.Stop));
        await HaveMarkAsync("killed", Killed, "micro-calm-1");

        Assert.Equal(1, await cli.RunAsync("chaos", "--clean"));

        Assert.Contains("'micro-calm-1' stays: Run 'student' is taught by 'micro-calm-1'", cli.Error, StringComparison.Ordinal);
        Assert.Equal(["chaos/killed"], await MarksAsync());
    }

    [Theory]
    [InlineData("--clean takes no SPEC", "micro", "--clean")]
    [InlineData("SPEC is missing")]
    public async Task Chaos_OfAWrongCommandLine_SaysWhatIsWrong(string message, params string[] arguments)
    {
        Assert.Equal(2, await cli.RunAsync(["chaos", .. arguments]));

        Assert.Contains(message, cli.Error, StringComparison.Ordinal);
    }

    private Task HaveMarkAsync(string mark, ProcessIdentity process, params string[] runs) => HaveMarkAsync(mark, process, null, runs);

    private async Task HaveMarkAsync(string mark, ProcessIdentity process, string? cache, string[] runs)
    {
        var name = $"chaos/{mark}";
        await (await cli.StoreAsync()).WriteAsync(
            name,
            SealedJson.Serialize(name, new ChaosMark(process, "host", runs, cache)),
            CommandLine.Stop
        );
    }

    private async Task<List<string>> RunsAsync() =>
        await (await cli.StoreAsync()).ListFoldersAsync("runs/", CommandLine.Stop).ToListAsync(CommandLine.Stop);

    private async Task<List<string>> MarksAsync() =>
        await (await cli.StoreAsync()).ListNamesAsync("chaos/", CommandLine.Stop).ToListAsync(CommandLine.Stop);
}
