using System.Diagnostics;

namespace Slowrun.Tests.Storage;

/// <summary>Packages of npm that tests use, installed by <c>npm ci</c> on first use from the lock file of a folder of
/// <c>tests/</c>.</summary>
public static class NodePackages
{
    /// <param name="name">The folder: <c>azurite</c>.</param>
    /// <returns>The path of its <c>node_modules</c>.</returns>
    public static async Task<string> InstalledAsync(string name)
    {
        var folder = Folder(name);
        var modules = Path.Combine(folder, "node_modules");
        var done = Path.Combine(modules, ".installed");
        if (File.Exists(done))
        {
            return modules;
        }

        // Test projects run side by side, and each may be the first to need it.
        using var held = await LockedAsync(Path.Combine(folder, ".install-lock"));
        if (!File.Exists(done))
        {
            await RunAsync("node", ["--version"], folder);
            await RunAsync("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], folder);
            await File.WriteAllTextAsync(done, "");
        }

        return modules;
    }

    private static string Folder(string name)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Slowrun.sln")))
            {
                return Path.Combine(folder.FullName, "tests", name);
            }
        }

        throw new InvalidOperationException(
            $"There is no Slowrun.sln above '{AppContext.BaseDirectory}': run the tests within the repository."
        );
    }

    private static async Task<FileStream> LockedAsync(string path)
    {
        FileStream? held = null;
        await Until.HoldsAsync(() =>
        {
            try
            {
                held = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
                return true;
            }
            catch (IOException)
            {
                return false;
            }
        });
        return held!;
    }

    private static async Task RunAsync(string program, string[] arguments, string folder)
    {
        Process process;
        try
        {
            process = Process.Start(
                new ProcessStartInfo(program, arguments)
                {
                    WorkingDirectory = folder,
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                }
            )!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new InvalidOperationException(
                $"The tests need '{program}' (Node.js 20 or later with npm) on the PATH, to run Azurite and another tokenizer: {e.Message}.",
                e
            );
        }

        using (process)
        {
            var output = process.StandardOutput.ReadToEndAsync();
            var errors = process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync();
            if (process.ExitCode != 0)
            {
                throw new InvalidOperationException(
                    $"'{program} {string.Join(' ', arguments)}' in '{folder}' ended with {process.ExitCode}: {await output}{await errors}"
                );
            }
        }
    }
}
