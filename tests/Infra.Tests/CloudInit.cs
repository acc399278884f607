using System.Text;
using System.Text.Json;
using YamlDotNet.Serialization;

namespace Slowrun.Infra.Tests;

/// <summary>What cloud-init of a machine of the fleet is given: decoded from the very data that Azure would get.</summary>
internal sealed class CloudInit
{
    private CloudInit(string text)
    {
        Text = text;
        var document = new DeserializerBuilder().Build().Deserialize<Dictionary<string, List<object>>>(text);
        Files = [.. document["write_files"].Cast<Dictionary<object, object>>().Select(WrittenFile.Parse)];
        Commands = [.. document["runcmd"].Cast<List<object>>().Select(words => words.Cast<string>().ToArray())];
    }

    public string Text { get; }

    public IReadOnlyList<WrittenFile> Files { get; }

    public IReadOnlyList<string[]> Commands { get; }

    public string this[string path] => Files.Single(file => file.Path == path).Content;

    /// <summary>A variable of the silo's environment.</summary>
    public string Variable(string name) =>
        this["/opt/slowrun/machine.env"].Split('\n').Single(line => line.StartsWith(name + "=", StringComparison.Ordinal))[
            (name.Length + 1)..
        ];

    public static CloudInit Of(IReadOnlyList<JsonElement> resources) =>
        new(
            Encoding.UTF8.GetString(
                Convert.FromBase64String(
                    resources
                        .Of("Microsoft.Compute/virtualMachineScaleSets")
                        .At("properties.virtualMachineProfile.osProfile.customData")
                        .GetString()!
                )
            )
        );
}

internal sealed record WrittenFile(string Path, UnixFileMode Mode, string Content)
{
    public static WrittenFile Parse(Dictionary<object, object> entry)
    {
        Assert.Equal("b64", entry["encoding"]);
        return new WrittenFile(
            (string)entry["path"],
            (UnixFileMode)Convert.ToInt32((string)entry["permissions"], 8),
            Encoding.UTF8.GetString(Convert.FromBase64String((string)entry["content"]))
        );
    }
}
