using Slowrun.Web.Hosting;

namespace Slowrun.Web.Tests.Hosting;

/// <summary>What the page may take from the trainings beside it: counted, not timed.</summary>
public sealed class BackgroundThreadTests
{
    [Fact]
    public void Budget_OfWhoComputesWithoutEnd_GivesATenthInTheLongRun()
    {
        var budget = new CpuBudget(0.1, TimeSpan.FromSeconds(3));
        var (computed, passed) = (TimeSpan.Zero, TimeSpan.Zero);
        var rest = TimeSpan.Zero;
        for (var i = 0; i < 10_000; i++)
        {
            var piece = TimeSpan.FromMilliseconds(5 + (i % 50));
            computed += piece;
            passed += rest + piece;
            rest = budget.Spend(piece, rest + piece);
        }

        Assert.InRange(computed.TotalSeconds, 0, 3 + (0.1 * (passed + rest).TotalSeconds) + 1e-6);
    }

    [Fact]
    public void Budget_OfWhoAsksNowAndThen_NeverRests()
    {
        var budget = new CpuBudget(0.1, TimeSpan.FromSeconds(3));
        for (var i = 0; i < 1000; i++)
        {
            Assert.Equal(TimeSpan.Zero, budget.Spend(TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(1)));
        }
    }

    [Fact]
    public async Task Work_OfManyAtOnce_IsDoneByOneThreadBehindTheTrainers()
    {
        using var thread = new BackgroundThread("test");
        var (now, most) = (0, 0);
        var (threads, priorities) = (new HashSet<int>(), new HashSet<string>());
        await Task.WhenAll(
            Enumerable
                .Range(0, 100)
                .Select(_ =>
                    Task.Factory.StartNew(
                            async () =>
                            {
                                for (var i = 0; i < 3; i++)
                                {
                                    most = Math.Max(most, Interlocked.Increment(ref now));
                                    threads.Add(Environment.CurrentManagedThreadId);
                                    // Field 19 of stat, counted behind the name: the thread's nice value.
                                    priorities.Add(File.ReadAllText("/proc/thread-self/stat").Split(") ")[1].Split(' ')[16]);
                                    Interlocked.Decrement(ref now);
                                    await Task.Yield();
                                }
                            },
                            TestContext.Current.CancellationToken,
                            TaskCreationOptions.DenyChildAttach,
                            thread
                        )
                        .Unwrap()
                )
        );

        Assert.Equal((1, 1), (most, threads.Count));
        Assert.Equal(["19"], priorities);
    }
}
