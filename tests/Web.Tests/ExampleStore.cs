using System.Globalization;
using System.Text;
using Slowrun.Core;
using Slowrun.Core.Efficiency;
using Slowrun.Core.Stages;
using Slowrun.Storage;
using Slowrun.Storage.Runs;

namespace Slowrun.Web.Tests;

/// <summary>A store with a run in each state that matters to who looks.</summary>
internal static class ExampleStore
{
    public const string Finished = "finished",
        Running = "running",
        Preempted = "preempted",
        Damaged = "damaged";
    public const string LivingSilo = "10.0.0.5:11111@153000000";

    /// <summary>As <c>slowrun efficiency RUN</c> leaves it.</summary>
    public static async Task MeasureEfficiencyAsync(IObjectStore store, string run, CancellationToken stop)
    {
        var spec = (await new RunDocuments(store, run).TryReadSpecAsync(stop))!;
        var report = new EfficiencyReport
        {
            Run = run,
            DataSha256 = "d",
            RecipeSha256 = CanonicalJson.Sha256(spec.Recipe),
            TrainTokens = 32_768,
            Tokenizer = "bytes",
            Baseline = BaselineSource.Trained,
            Curves =
            [
                new EfficiencyCurve(
                    BaselineKind.OnePass,
                    [new CurvePoint(32_768, 1, 2.2, null, []), new CurvePoint(65_536, 2, 1.9, null, [])],
                    CurveEnd.Asked
                ),
                new EfficiencyCurve(BaselineKind.ManyPasses, [], CurveEnd.Missing),
            ],
            Models =
            [
                new ModelEfficiency(
                    "ensemble of 4",
                    1.637,
                    [
                        new CurveFactor(
                            BaselineKind.OnePass,
                            new DataFactor(3.41, FactorKind.Read),
                            new FactorInterval(new DataFactor(3.1, FactorKind.Read), new DataFactor(4, FactorKind.AtLeast))
                        ),
                    ]
                ),
            ],
        };
        await new RunEfficiency(store, run).WriteAsync(report, stop);
    }

    public static async Task<IObjectStore> CreateAsync(CancellationToken stop)
    {
        var store = new MemoryStore("memory:page");
        await HaveSiloAsync(store, stop);
        await HaveFinishedAsync(store, stop);
        await HaveRunningAsync(store, stop);
        await HavePreemptedAsync(store, stop);
        await store.WriteAsync(RunPaths.Spec(Damaged), "{\"name\":\"dam"u8.ToArray(), stop);
        return store;
    }

    public static StageOwner Owner(string silo, string name) => new(silo, name, ["cpu:0", "cpu:1"], Now.AddSeconds(-20));

    private static DateTimeOffset Now { get; } = TimeProvider.System.GetUtcNow();

    /// <summary>A silo of another machine that has just given a sign.</summary>
    private static Task HaveSiloAsync(MemoryStore store, CancellationToken stop)
    {
        var now = Now.AddSeconds(10).UtcDateTime.ToString("O", CultureInfo.InvariantCulture);
        return store.WriteAsync(
            "cluster/membership",
            Encoding.UTF8.GetBytes(
                $$"""{"format":1,"version":1,"writeId":"1","rows":[{"eTag":"1","silo":"{{LivingSilo}}","siloName":"spot-2","slots":["cpu:0","cpu:1","cpu:2"],"status":"Active","startTime":"{{now}}","iAmAliveTime":"{{now}}"}]}"""
            ),
            stop
        );
    }

    private static async Task HaveFinishedAsync(MemoryStore store, CancellationToken stop)
    {
        var run = await ExampleRun.CreateAsync(store, Finished, "[{stages: 2}, {stages: 2}]", Now.AddHours(-2), stop);
        double[] losses = [1.7336, 1.7053, 1.7465, 1.7119];
        var second = 0;
        foreach (var (stage, loss) in run.Stages.Select(stage => stage.ToString()).Zip(losses))
        {
            await run.HaveFinishedAsync(stage, loss);
            await run.EventAsync(second, "stage-taken", stage, "spot-1", $"spot-1 begins its 192 steps (epoch token 1).");
            await run.EventAsync(second + 40, "stage-finished", stage, "spot-1", "All 192 steps are done; the snapshot is 0123456789ab.");
            second += 45;
        }

        await run.HaveEnsembleAsync([1.7336, 1.6743, 1.6462, 1.6370], [.. run.Stages.Select(stage => stage.ToString())]);
    }

    private static async Task HaveRunningAsync(MemoryStore store, CancellationToken stop)
    {
        var run = await ExampleRun.CreateAsync(store, Running, "[{stages: 3}, {stages: 1, role: Baseline}]", Now.AddMinutes(-5), stop);
        await run.HaveFinishedAsync("chain0/stage0", 1.7336);
        await run.HaveEnsembleAsync([1.7336], "chain0/stage0");
        await run.HaveAsync(
            "chain0/stage1",
            90,
            192,
            root => root with { Owner = Owner(LivingSilo, "spot-2"), Preemptions = 1, LostSteps = 12 }
        );
        await run.ProgressAsync("chain0/stage1", 107, 192, 1.8123);
        await run.EventAsync(0, "stage-taken", "chain0/stage0", "spot-1", "spot-1 begins its 192 steps (epoch token 1).");
        await run.EventAsync(60, "stage-finished", "chain0/stage0", "spot-1", "All 192 steps are done; the snapshot is 0123456789ab.");
        await run.EventAsync(61, "stage-taken", "chain0/stage1", "spot-1", "spot-1 begins its 192 steps (epoch token 1).");
        await run.EventAsync(100, "preemption-notice", null, "spot-1", "spot-1: the machine goes away.");
        await run.EventAsync(
            130,
            "owner-lost",
            "chain0/stage1",
            "spot-1",
            "spot-1 is gone with cpu:0 cpu:1; 12 steps after step 40 are lost (3.5 s of training), and it had no owner for 8.0 s.",
            new EventCost(12, 3.5, 8)
        );
        await run.EventAsync(131, "stage-taken", "chain0/stage1", "spot-2", "spot-2 goes on from step 40 of 192 (epoch token 2).");
    }

    /// <summary>Its silo is gone, and no other has taken it yet.</summary>
    private static async Task HavePreemptedAsync(MemoryStore store, CancellationToken stop)
    {
        var run = await ExampleRun.CreateAsync(store, Preempted, "[{stages: 2}]", Now.AddMinutes(-9), stop);
        await run.HaveAsync(
            "chain0/stage0",
            70,
            192,
            root => root with { Owner = Owner("10.0.0.9:11111@152000000", "spot-9"), Preemptions = 2, LostSteps = 31 }
        );
        await run.EventAsync(0, "stage-taken", "chain0/stage0", "spot-7", "spot-7 begins its 192 steps (epoch token 1).");
        await run.EventAsync(
            100,
            "stage-error",
            "chain0/stage0",
            "spot-7",
            "<b>no</b> space left on device & more. It is tried again (1 of 3)."
        );
        await run.EventAsync(110, "stage-taken", "chain0/stage0", "spot-9", "spot-9 goes on from step 50 of 192 (epoch token 2).");
    }
}
