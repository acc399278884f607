using System.ComponentModel;
using System.Diagnostics;

namespace Slowrun.Clustering.Tests.Machines;

/// <summary>A shared library compiled of C by gcc, for what stands in for a driver.</summary>
internal static class FakeLibrary
{
    /// <returns>Its path; null where there is no gcc.</returns>
    public static string? Compile(string folder, string name, string source)
    {
        var (code, library) = (Path.Combine(folder, $"{name}.c"), Path.Combine(folder, $"lib{name}.so"));
        File.WriteAllText(code, source);
        try
        {
            using var compiler = Process.Start(
                new ProcessStartInfo("gcc", ["-shared", "-fPIC", "-o", library, code]) { RedirectStandardError = true }
            )!;
            var error = compiler.StandardError.ReadToEnd();
            compiler.WaitForExit();
            return compiler.ExitCode == 0 ? library : throw new InvalidOperationException($"gcc failed: {error}");
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
