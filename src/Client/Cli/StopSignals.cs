using System.Runtime.InteropServices;

namespace Slowrun.Client.Cli;

/// <summary>
/// The first Ctrl-C, SIGTERM or SIGHUP stops in order: silos that this process started commit first. The second ends the process at once,
/// and uncommitted steps are trained again.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly List<PosixSignalRegistration> registrations;

    public StopSignals() =>
        registrations = [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, Handle),
        ];

    public CancellationToken Stop => stop.Token;

    public void Dispose()
    {
        registrations.ForEach(registration => registration.Dispose());
        stop.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        // Not cancelled, the second signal does what it does by default.
        context.Cancel = !stop.IsCancellationRequested;
        stop.Cancel();
    }
}
