using System.Reflection;
using System.Text.Json;

namespace Slowrun.Infra.Tests;

/// <summary>The Bicep compiler, and what Azure would be asked for.</summary>
internal static class Bicep
{
    /// <summary>Its path.</summary>
    public static string Program { get; } = MakeRunnable();

    public static Task<ToolResult> RunAsync(params string[] arguments) => Tool.RunAsync(Program, arguments);

    /// <summary>The resources that the fleet's template asks for, with every expression that needs no running Azure computed.</summary>
    /// <param name="parameters">Lines as in <c>param count = 3</c>; what has no default is given here.</param>
    public static async Task<IReadOnlyList<JsonElement>> ResourcesAsync(params string[] parameters)
    {
        var folder = Directory.CreateTempSubdirectory("slowrun-bicep-");
        try
        {
            var file = Path.Combine(folder.FullName, "test.bicepparam");
            string[] needed = [$"param packageSha256 = '{new string('a', 64)}'", "param adminPublicKey = 'ssh-ed25519 AAAA test'"];
            var given = needed.Where(line => !parameters.Any(other => other.Split('=')[0] == line.Split('=')[0]));
            // The compiler takes relative paths only.
            var template = Path.GetRelativePath(folder.FullName, Path.Combine(Repository.Infra, "main.bicep"));
            await File.WriteAllLinesAsync(file, [$"using '{template}'", .. given, .. parameters], TestContext.Current.CancellationToken);
            var result = await RunAsync(
                "snapshot",
                file,
                "--mode",
                "overwrite",
                "--subscription-id",
                Guid.Empty.ToString(),
                "--resource-group",
                "fleet",
                "--location",
                "westeurope"
            );
            Assert.True(result.ExitCode == 0, result.Error + result.Output);
            using var snapshot = JsonDocument.Parse(
                await File.ReadAllTextAsync(Path.ChangeExtension(file, ".snapshot.json"), TestContext.Current.CancellationToken)
            );
            return [.. snapshot.RootElement.GetProperty("predictedResources").EnumerateArray().Select(resource => resource.Clone())];
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>The only resource of a type.</summary>
    public static JsonElement Of(this IReadOnlyList<JsonElement> resources, string type) =>
        Assert.Single(resources, resource => resource.GetProperty("type").GetString() == type);

    /// <summary>A value by its path, as in <c>properties.sku.name</c>.</summary>
    public static JsonElement At(this JsonElement element, string path) =>
        path.Split('.').Aggregate(element, (inner, name) => int.TryParse(name, out var index) ? inner[index] : inner.GetProperty(name));

    private static string MakeRunnable()
    {
        var program = typeof(Bicep).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "Bicep").Value!;
        // Packages are unpacked without the run bit.
        File.SetUnixFileMode(program, File.GetUnixFileMode(program) | UnixFileMode.UserExecute);
        return program;
    }
}
