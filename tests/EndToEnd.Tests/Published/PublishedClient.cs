using System.Diagnostics;
using System.Reflection;
using Slowrun.EndToEnd.Tests.Published;

[assembly: AssemblyFixture(typeof(PublishedClient))]

namespace Slowrun.EndToEnd.Tests.Published;

/// <summary>The client as users get it, made when the first test asks for it: a folder that needs no .NET on the machine.</summary>
public sealed class PublishedClient : IDisposable
{
    private readonly TemporaryStore folder = new();
    private readonly Lazy<Task<string>> published;

    public PublishedClient() => published = new(PublishAsync);

    public static string Repository { get; } =
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Metadata("SlowrunClientProject"))!, "../.."));

    /// <summary>The folder with the program <c>slowrun</c>.</summary>
    public Task<string> FolderAsync() => published.Value;

    /// <summary>Runs the program with nothing of our environment but what is given: no home, no .NET, no variables.</summary>
    internal async Task<CliResult> RunAsync(Dictionary<string, string> environment, params string[] arguments) =>
        await RunAsync(Path.Combine(await FolderAsync(), "slowrun"), environment, arguments);

    /// <summary>Runs any program likewise.</summary>
    internal static async Task<CliResult> RunAsync(string program, Dictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment.Clear();
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start) ?? throw new InvalidOperationException($"'{program}' did not start.");
        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new CliResult(process.ExitCode, await output, await error);
    }

    public void Dispose() => folder.Dispose();

    private async Task<string> PublishAsync()
    {
        var (project, to) = (Metadata("SlowrunClientProject"), Path.Combine(folder.Path, "client"));
        // No build server may outlive the test.
        var start = new ProcessStartInfo(
            "dotnet",
            [
                "publish",
                project,
                "--output",
                to,
                "--nologo",
                "--verbosity",
                "quiet",
                "-nodeReuse:false",
                "-p:UseSharedCompilation=false",
                "-p:RunAnalyzers=false",
            ]
        )
        {
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start.");
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? to : throw new InvalidOperationException($"'dotnet publish {project}' failed: {output}");
    }

    private static string Metadata(string key) =>
        typeof(PublishedClient).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!;
}
