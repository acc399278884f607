using System.CommandLine;
using Slowrun.Core.Commands;
using Slowrun.Silo.Commands;

BestEffortWriter.ShieldStandardError();

// The commands that need torch; users call them through the client.
var root = new RootCommand("Slowrun's silo: trains what the store says is ready.")
{
    ServeCommand.Create(),
    DoctorCommand.Create(),
    EvaluateCommand.Create(),
    SampleCommand.Create(),
    EndedCommand.Create(),
};

// Without System.CommandLine's own limit of 2 s after a signal: the last checkpoint is committed first.
// An argument that begins with '@' is an argument, not the name of a file with more of them.
return await root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null })
    .InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
