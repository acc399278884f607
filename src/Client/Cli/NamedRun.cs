using System.CommandLine;
using Slowrun.Core.Plan;
using Slowrun.Reading.Runs;
using Slowrun.Storage;

namespace Slowrun.Client.Cli;

/// <summary>The run, or the part of one, that a command line names, in its store.</summary>
internal sealed record NamedRun(IObjectStore Store, Target Whom, RunReader Reader)
{
    /// <param name="target">The argument; one of <see cref="CommonOptions.Target"/>.</param>
    /// <param name="chains">Whether a chain may be named.</param>
    /// <exception cref="CliException">The argument names neither a run, nor a stage, nor a chain.</exception>
    public static async Task<NamedRun> OpenAsync(
        ClientContext context,
        CommonOptions common,
        ParseResult parsed,
        Argument<string> target,
        CancellationToken stop,
        bool chains = false
    )
    {
        var store = await context.OpenStoreAsync(parsed.GetRequiredValue(common.Store), create: false, stop);
        var reader = new RunReader(store, context.Time);
        var whom = Target.Parse(parsed.GetRequiredValue(target), chains);
        return new NamedRun(store, whom with { Run = await reader.Naming.ResolveAsync(whom.Run, stop) }, reader);
    }

    /// <summary>As people call it, for what is shown and for commands that are advised: both names find the run.</summary>
    public async Task<Target> ShownAsync(CancellationToken stop) =>
        Whom with
        {
            Run = await Reader.Naming.TryNameOfAsync(Whom.Run, stop) ?? Whom.Run,
        };

    /// <exception cref="CliException">The run has no such stage, or no such chain.</exception>
    public async Task<RunFacts> FactsAsync(CancellationToken stop)
    {
        var facts = await Reader.FactsAsync(Whom.Run, stop);
        Whom.CheckIsIn(facts);
        return facts;
    }
}
