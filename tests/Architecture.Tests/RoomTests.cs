using System.Xml.Linq;

namespace Slowrun.Architecture.Tests;

/// <summary>Holds the arrows between the rooms (docs/architecture.md): from the project files, and from what the built assemblies really
/// use.</summary>
public sealed class RoomTests
{
    private static readonly Dictionary<string, string[]> Arrows = new()
    {
        ["Core"] = [],
        ["Storage"] = ["Core"],
        ["Data"] = ["Storage", "Core"],
        ["Training"] = ["Core"],
        ["Clustering"] = ["Storage", "Core"],
        ["Grains.Interfaces"] = ["Core"],
        ["Grains"] = ["Grains.Interfaces", "Clustering", "Storage", "Training", "Core"],
        ["Reading"] = ["Grains.Interfaces", "Clustering", "Storage", "Core"],
        ["Fleet"] = ["Reading", "Grains.Interfaces", "Clustering", "Storage", "Core"],
        ["Web"] = ["Reading", "Clustering", "Storage", "Core"],
        ["Silo"] = ["Web", "Reading", "Grains", "Grains.Interfaces", "Clustering", "Storage", "Training", "Core"],
        ["Client.Api"] = [],
        ["Client"] = ["Data", "Fleet", "Web", "Reading", "Clustering", "Grains.Interfaces", "Storage", "Core"],
    };

    // Package families that only some rooms may know of; a prefix of the assembly's name. The longest that fits counts.
    private static readonly Dictionary<string, string[]> Packages = new()
    {
        ["TorchSharp"] = ["Training", "Silo"],
        ["Microsoft.AspNetCore"] = ["Web", "Silo"],
        // What Orleans' connections are made of; no part of the web server.
        ["Microsoft.AspNetCore.Connections.Abstractions"] = ["Clustering", "Reading", "Web", "Silo"],
        ["Orleans"] = ["Clustering", "Grains.Interfaces", "Grains", "Reading", "Silo", "Client"],
        // Clustering: what Microsoft's grain storage is given in the place of blobs.
        ["Azure"] = ["Storage", "Clustering"],
        ["AWSSDK"] = ["Storage"],
        ["Google.Apis"] = ["Storage"],
        ["Google.Cloud"] = ["Storage"],
        ["OpenTelemetry"] = ["Silo"],
        ["YamlDotNet"] = ["Core"],
        ["Microsoft.ML.Tokenizers"] = ["Data"],
        ["ParquetSharp"] = ["Data"],
        ["ZstdSharp"] = ["Data"],
        ["System.CommandLine"] = ["Client", "Silo"],
        ["Spectre"] = ["Client"],
        ["ScottPlot"] = ["Client"],
        ["System.Net.Http"] = ["Storage", "Silo", "Fleet", "Client.Api"],
    };

    public static TheoryData<string> Rooms => [.. Arrows.Keys];

    [Theory]
    [MemberData(nameof(Rooms))]
    public void Room_WhenItsProjectFileNamesAnother_HasAnArrowToIt(string room)
    {
        var project = XDocument.Load(Path.Combine(Root, "src", room, $"Slowrun.{room}.csproj"));
        var named = project
            .Descendants("ProjectReference")
            .Select(reference => Path.GetFileNameWithoutExtension((string)reference.Attribute("Include")!)["Slowrun.".Length..]);
        Assert.All(named, other => Assert.Contains(other, Arrows[room]));
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void Room_WhenBuilt_UsesOnlyRoomsAndPackagesItMayKnow(string room)
    {
        var used = References(room);
        var rooms = used.Where(name => name.StartsWith("Slowrun.", StringComparison.Ordinal)).Select(name => name["Slowrun.".Length..]);
        Assert.All(rooms, other => Assert.Contains(other, Arrows[room]));
        foreach (var (package, allowed) in Packages.Where(package => !package.Value.Contains(room)))
        {
            Assert.DoesNotContain(used, name => name.StartsWith(package, StringComparison.Ordinal) && FamilyOf(name) == package);
        }
    }

    [Fact]
    public void Rooms_WhenListed_AreAllTheFoldersOfSrc()
    {
        var folders = Directory.GetDirectories(Path.Combine(Root, "src")).Select(Path.GetFileName);
        Assert.Equal(Arrows.Keys.Order(StringComparer.Ordinal), folders.Order(StringComparer.Ordinal)!);
    }

    [Fact]
    public void Client_WhenBuilt_BringsNoTorch() =>
        Assert.Empty(
            Directory.GetFiles(Path.GetDirectoryName(BuiltRooms.Metadata("SlowrunClient"))!, "*orch*", SearchOption.AllDirectories)
        );

    private static string? FamilyOf(string assembly) =>
        Packages.Keys.Where(package => assembly.StartsWith(package, StringComparison.Ordinal)).MaxBy(package => package.Length);

    internal static string Root =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(BuiltRooms.Metadata("SlowrunClient"))!, "..", "..", "..", ".."));

    private static string[] References(string room)
    {
        using var stream = File.OpenRead(BuiltRooms.File(room));
        using var image = new System.Reflection.PortableExecutable.PEReader(stream);
        var metadata = System.Reflection.Metadata.PEReaderExtensions.GetMetadataReader(image);
        return [.. metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))];
    }
}
