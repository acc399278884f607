using System.Text;
using Slowrun.Core;

namespace Slowrun.Client.Tests.Results;

/// <summary>Stands for the silo's program: keeps what it was asked, and gives what a test wants.</summary>
internal sealed class FakeSilo<TRequest, TAnswer>(params IReadOnlyList<TAnswer> answers)
{
    public List<(string Command, TRequest Request)> Asked { get; } = [];

    /// <summary>What it ends with instead of its exit code 0.</summary>
    public Exception? Failure { get; init; }

    public async IAsyncEnumerable<string> AskAsync(
        string command,
        string store,
        string request,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop
    )
    {
        Assert.DoesNotContain('\n', request);
        Asked.Add((command, CanonicalJson.Deserialize<TRequest>(Encoding.UTF8.GetBytes(request), "request")));
        foreach (var answer in answers)
        {
            await Task.Yield();
            stop.ThrowIfCancellationRequested();
            yield return Encoding.UTF8.GetString(CanonicalJson.Serialize(answer));
        }

        if (Failure is not null)
        {
            throw Failure;
        }
    }
}
