using Slowrun.Client.Cli;
using Slowrun.Client.Commands;
using Slowrun.Core.Commands;

BestEffortWriter.ShieldStandardError();
Failures.CatchThoseOfThreads();
try
{
    OpenSsl.Require();
    using var signals = new StopSignals();
    return await SlowrunCommand.RunAsync(args, ClientContext.OfProcess(), signals.Stop);
}
catch (Exception e)
{
    // Failures before a command was parsed; commands report their own.
    return Failures.Tell(e);
}
