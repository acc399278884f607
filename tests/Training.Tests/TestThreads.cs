using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace Slowrun.Training.Tests;

internal static class TestThreads
{
    /// <summary>A new thread takes over the newest count set anywhere: several tests side by side then do not fight for the
    /// cores.</summary>
    [ModuleInitializer]
    public static void UseOneEach() => set_num_threads(1);
}
