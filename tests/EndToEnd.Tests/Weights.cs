using System.Security.Cryptography;

namespace Slowrun.EndToEnd.Tests;

/// <summary>Exports a run and hashes what came out: the proof that two runs ended with the same bytes.</summary>
internal static class Weights
{
    /// <returns>File name to SHA-256, for every exported snapshot.</returns>
    public static async Task<SortedDictionary<string, string>> ExportAsync(Cli cli, string run)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"slowrun-export-{Guid.NewGuid():N}");
        try
        {
            var result = await cli.RunAsync("export", run, "--out", folder);
            Assert.True(result.ExitCode == 0, result.Error + result.Output);
            var files = Directory.GetFiles(folder, "*.safetensors");
            Assert.NotEmpty(files);
            return new(
                files.ToDictionary(
                    file => Path.GetFileName(file),
                    file => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)))
                )
            );
        }
        finally
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }
}
