using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Slowrun.Tests.Storage;

namespace Slowrun.Core.Tests.Specs;

/// <summary>Ajv, the validator that editors use, in a separate process.</summary>
internal static class Ajv
{
    private const string Program = """
        const Ajv = require(process.argv[1] + '/ajv/dist/2020').default;
        let text = '';
        process.stdin.on('data', part => text += part).on('end', () => {
            const { schema, instances } = JSON.parse(text);
            const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(schema);
            console.log(JSON.stringify(instances.map(instance =>
                validate(instance) ? [] : validate.errors.map(error => error.instancePath + ' ' + error.message))));
        });
        """;

    /// <returns>The errors of each instance; the schema itself is checked too, strictly.</returns>
    public static async Task<string[][]> ErrorsAsync(JsonNode schema, IEnumerable<JsonNode?> instances)
    {
        var start = new ProcessStartInfo("node", ["-e", Program, "--", await NodePackages.InstalledAsync("ajv")])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var node = Process.Start(start)!;
        var (output, errors) = (node.StandardOutput.ReadToEndAsync(), node.StandardError.ReadToEndAsync());
        await node.StandardInput.WriteAsync(
            new JsonObject { ["schema"] = schema, ["instances"] = new JsonArray([.. instances]) }.ToJsonString()
        );
        node.StandardInput.Close();
        await node.WaitForExitAsync();
        Assert.True(node.ExitCode == 0, await errors);
        return JsonSerializer.Deserialize<string[][]>(await output)!;
    }
}
