using System.Diagnostics;
using Slowrun.Clustering.Membership;

namespace Slowrun.Clustering.Tests.Membership;

/// <summary>A real process of this machine to look at, halt and kill.</summary>
internal sealed class ChildProcess : IDisposable
{
    private readonly Process process = Process.Start("sleep", "600");

    public ProcessIdentity Identity =>
        new(ProcessIdentity.Current.Machine, process.Id, ProcessState.Of(process.Id)!.Value.StartTicks!.Value);

    /// <summary>Returns when the kernel shows it as halted.</summary>
    public void Halt()
    {
        using var kill = Process.Start("kill", ["-STOP", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
        SpinWait.SpinUntil(() => ProcessState.Of(process.Id) is { IsHalted: true });
    }

    public void Kill()
    {
        process.Kill();
        process.WaitForExit();
    }

    public void Dispose()
    {
        Kill();
        process.Dispose();
    }
}
