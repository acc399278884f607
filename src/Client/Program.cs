using Slowrun.Client.Cli;
using Slowrun.Client.Silos;

Failures.CatchTheRest();
using var signals = new StopSignals();
return await SlowrunCommand.RunAsync(args, ClientContext.OfProcess(), signals.Stop);
