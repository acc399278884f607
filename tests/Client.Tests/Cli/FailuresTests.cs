using System.Reflection;
using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Data.Corpus;

namespace Slowrun.Client.Tests.Cli;

public sealed class FailuresTests
{
    [Fact]
    public void Explain_OfWhatNobodyForesaw_NamesItAndAsksForAReport()
    {
        var (exitCode, message) = Failures.Explain(Thrown(), CancellationToken.None);

        Assert.Equal(1, exitCode);
        Assert.Contains("InvalidOperationException: It broke. Please report it", message, StringComparison.Ordinal);
        Assert.DoesNotContain(" at ", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Explain_OfAnExceptionWithinOthers_ExplainsTheOneInside()
    {
        var inside = new CliException(ExitCode.NoSuchThing, "There is none.", new IOException("No route."));
        var outside = new AggregateException(new TargetInvocationException(inside));

        Assert.Equal((3, "There is none."), Failures.Explain(outside, CancellationToken.None));
        Assert.Equal(["because of IOException: No route."], Failures.Causes(outside));
    }

    [Theory]
    [InlineData(typeof(InvalidRequestException), 2)]
    [InlineData(typeof(NotFoundException), 3)]
    [InlineData(typeof(NotPossibleException), 1)]
    [InlineData(typeof(CorpusException), 1)]
    public void Explain_OfAnExceptionWithAMessageForPeople_KeepsItsMessageAndGivesTheCodeOfItsKind(Type kind, int exitCode)
    {
        object?[] arguments =
        [
            .. kind.GetConstructors()
                .Single()
                .GetParameters()
                .Select(parameter => parameter.ParameterType == typeof(string) ? "Do this." : null),
        ];
        var e = (Exception)Activator.CreateInstance(kind, arguments)!;

        Assert.Equal((exitCode, "Do this."), Failures.Explain(e, CancellationToken.None));
    }

    [Fact]
    public void Explain_OfACancellationThatNobodyAskedFor_DoesNotSaySo() =>
        Assert.DoesNotContain(
            "as asked",
            Failures.Explain(new OperationCanceledException(), CancellationToken.None).Message,
            StringComparison.Ordinal
        );

    private static InvalidOperationException Thrown()
    {
        try
        {
            throw new InvalidOperationException("It broke.");
        }
        catch (InvalidOperationException e)
        {
            return e;
        }
    }
}
