namespace Slowrun.Client.Tests.Commands;

/// <summary>What doctor says of the store; what needs the silo's program is asked of a program that succeeds.</summary>
public sealed class DoctorCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly CommandLine cli = new();
    private readonly string? before = Environment.GetEnvironmentVariable("SLOWRUN_SILO");

    public DoctorCommandTests()
    {
        // Whatever it is told, it succeeds.
        Environment.SetEnvironmentVariable("SLOWRUN_SILO", "/bin/true");
    }

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("SLOWRUN_SILO", before);
        folder.Dispose();
    }

    [Fact]
    public async Task Doctor_OfAStoreThatIsNotThere_SaysSoAndMakesNone()
    {
        var store = Path.Combine(folder.Path, "nope");

        Assert.Equal(0, await cli.RunAsync("doctor", "--store", store));
        Assert.Contains($"'{store}' is not there yet; the first run makes it", cli.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(store));
    }

    [Theory]
    [InlineData("/proc/1/nope")]
    [InlineData("/proc")]
    public async Task Doctor_OfAStoreThatCannotBeWritten_EndsBadly(string store)
    {
        Assert.Equal(1, await cli.RunAsync("doctor", "--store", store));
        Assert.Contains("slowrun doctor: store: ", cli.Error, StringComparison.Ordinal);
        Assert.Contains("slowrun doctor: the machine trains, but not all is well: see above.", cli.Error, StringComparison.Ordinal);
    }
}
