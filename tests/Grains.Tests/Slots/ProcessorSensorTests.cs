using Microsoft.Extensions.Time.Testing;
using Slowrun.Grains.Slots;

namespace Slowrun.Grains.Tests.Slots;

public sealed class ProcessorSensorTests
{
    [Fact]
    public async Task Share_IsThatOfTheLastSeconds()
    {
        var time = new FakeTimeProvider();
        var used = TimeSpan.FromHours(1);
        using var sensor = new ProcessorSensor(time, () => used);
        await sensor.StartAsync(TestContext.Current.CancellationToken);
        Assert.Null(sensor.Now.Share);

        // A quarter of all processors for 5 s, and nothing after that.
        used += TimeSpan.FromSeconds(5) * Environment.ProcessorCount / 4;
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(0.25, sensor.Now.Share!.Value, 1e-9);

        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(0, sensor.Now.Share);
        Assert.True(sensor.Now.UsedBytes > 0);
    }
}
