using Slowrun.Client.Cli;
using Slowrun.Client.Commands;

Failures.CatchThoseOfThreads();
try
{
    OpenSsl.Require();
    using var signals = new StopSignals();
    return await SlowrunCommand.RunAsync(args, ClientContext.OfProcess(), signals.Stop);
}
catch (Exception e)
{
    // Before there was a command: its own are told by it.
    return Failures.Tell(e);
}
