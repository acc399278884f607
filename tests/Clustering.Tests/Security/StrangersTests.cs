using System.Net;
using Microsoft.Extensions.Time.Testing;
using Slowrun.Clustering.Security;

namespace Slowrun.Clustering.Tests.Security;

public sealed class StrangersTests
{
    [Fact]
    public void Refused_AThousandTimesAMinute_IsOneLineAMinuteThatCountsTheOthers()
    {
        var time = new FakeTimeProvider();
        using var log = new KeptLog();
        var strangers = new Strangers(time, log.Of<Strangers>());
        for (var i = 0; i < 3000; i++)
        {
            strangers.Refused("A connection to the gateway port", new IPEndPoint(IPAddress.Loopback, 4), "it speaks no TLS");
            time.Advance(TimeSpan.FromMilliseconds(60));
        }

        var lines = log.Lines.ToArray();
        Assert.Equal(3, lines.Length);
        Assert.Equal(
            "Warning Strangers: A connection to the gateway port, 127.0.0.1:4, was refused: it speaks no TLS. 0 others were refused since the last such line.",
            lines[0]
        );
        Assert.Contains(" 999 others ", lines[1], StringComparison.Ordinal);
    }
}
