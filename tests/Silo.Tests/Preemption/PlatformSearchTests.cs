using Slowrun.Fleet.Chaos.Platform;
using Slowrun.Silo.Commands;
using Slowrun.Silo.Preemption;

namespace Slowrun.Silo.Tests.Preemption;

/// <summary>Of which platform a machine is: never a wrong one.</summary>
public sealed class PlatformSearchTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Find_WhereOnePlatformAnswers_IsThatOne()
    {
        await using var aws = new FakeAws();
        await using var azure = new MetadataServer();
        await using var gcp = new FakeGcp();

        Assert.Equal([Platform.Aws], await FindAsync(aws.Address));
        Assert.Equal([Platform.Azure], await FindAsync(azure.Address));
        Assert.Equal([Platform.Gcp], await FindAsync(gcp.Address));
    }

    [Theory]
    [InlineData(200, "TRUE")]
    [InlineData(200, "<html>Log in</html>")]
    [InlineData(200, "{}")]
    [InlineData(401, "")]
    [InlineData(404, "")]
    [InlineData(503, "")]
    public async Task Find_WhereSomethingElseAnswers_IsNone(int status, string body)
    {
        await using var other = new FakeGcp { Misbehaviour = context => FakePlatform.AnswerAsync(context, status, body) };

        Assert.Empty(await FindAsync(other.Address));
    }

    [Fact]
    public async Task Find_WhereNobodyListens_IsNone() => Assert.Empty(await FindAsync(new Uri("http://127.0.0.1:1/")));

    [Fact]
    public async Task Find_WhereNothingIsAnswered_IsNoneAfterItsTime()
    {
        await using var silent = new FakeAws
        {
            Misbehaviour = context => Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default),
        };

        Assert.Empty(await FindAsync(silent.Address));
    }

    [Fact]
    public async Task Doctor_SaysWhatTheEnvironmentMakesASiloWatch()
    {
        await using var aws = new FakeAws();

        Assert.Equal((true, "preemption    not watched"), await DoctorAsync(null, aws.Address));
        Assert.Equal((true, "preemption    This machine is of AWS"), await DoctorAsync("auto", aws.Address));
        Assert.Equal((true, "preemption    This machine is of AWS"), await DoctorAsync("aws", aws.Address));
        Assert.Equal((false, "slowrun doctor: preemption: This machine is of AWS"), await DoctorAsync("gcp", aws.Address));
        Assert.Equal((false, "slowrun doctor: --preemption (or SLOWRUN_PREEMPTION) is 'aswell'"), await DoctorAsync("aswell", aws.Address));
        Assert.Equal(
            (true, "slowrun doctor: preemption: No metadata service of AWS, Azure or GCP"),
            await DoctorAsync("auto", new Uri("http://127.0.0.1:1/"))
        );
    }

    private static Task<IReadOnlyList<Platform>> FindAsync(Uri address) =>
        PlatformSearch.FindAsync(new MetadataOptions { Address = address }, TimeProvider.System, Stop);

    /// <summary>Whether it is well, and the beginning of its line.</summary>
    private static async Task<(bool Well, string Line)> DoctorAsync(string? preemption, Uri address)
    {
        Environment.SetEnvironmentVariable(PreemptionOptions.Variable, preemption);
        Environment.SetEnvironmentVariable(PreemptionOptions.AddressVariable, address.ToString());
        try
        {
            using var said = new StringWriter();
            var well = await DoctorCommand.PreemptionAsync(said, said, Stop);
            var line = said.ToString();
            var ends = new[] { " (SLOWRUN_PREEMPTION=", ", by", "; expected", " answers" };
            return (well, line[..ends.Select(end => line.IndexOf(end, StringComparison.Ordinal)).Where(at => at > 0).Min()]);
        }
        finally
        {
            Environment.SetEnvironmentVariable(PreemptionOptions.Variable, null);
            Environment.SetEnvironmentVariable(PreemptionOptions.AddressVariable, null);
        }
    }
}
