using Slowrun.Storage.Tests;
using Slowrun.Storage.Tests.Stores;
using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

// As xunit's generated entry point, but for the processes that tests start.
return await ChildProcess.TryRunAsync()
    ?? (
        args.Contains("--server") || args.Contains("--internal-msbuild-node")
            ? await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions)
            : await ConsoleRunner.Run(args)
    );
