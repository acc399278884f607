using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Slowrun.EndToEnd.Tests.Published;

/// <summary>The published client on a machine that has nothing: it starts, it is quick, it answers from a store.</summary>
[Collection(Cli.Waiting)]
public sealed class PublishedClientTests(CalmTiny calm, PublishedClient client)
{
    [Fact]
    public async Task Version_NamesTheVersionAndPerhapsTheCommit()
    {
        var version = await client.RunAsync([], "--version");

        Assert.Equal((0, ""), (version.ExitCode, version.Error));
        Assert.Matches(@"^slowrun \d+\.\d+\.\d+\S*( \(commit [0-9a-f]{7,12}\))?\n$", version.Output);
    }

    [Fact]
    public async Task Status_FromTheStore_SaysWhatTheBuiltClientSays()
    {
        var status = await client.RunAsync(new() { ["SLOWRUN_STORE"] = calm.Cli.Store }, "status", "tiny");

        Assert.Equal((0, ""), (status.ExitCode, status.Error));
        Assert.Contains("tiny · Succeeded", status.Output, StringComparison.Ordinal);
    }

    /// <summary>
    /// Compiled while it runs, the program takes several times as long to start. Whether it is compiled ahead of time is in each assembly's
    /// header (ECMA-335 II.25.3.3.5, ManagedNativeHeader). How long a start takes is measured, not tested.
    /// </summary>
    [Fact]
    public async Task EveryAssemblyWithCode_IsCompiledAheadOfTime()
    {
        var (compiled, interpreted) = (0, new List<string>());
        foreach (var file in Directory.EnumerateFiles(await client.FolderAsync(), "*.dll"))
        {
            using var image = new PEReader(File.OpenRead(file));
            if (!image.HasMetadata)
            {
                continue; // Native.
            }

            var metadata = image.GetMetadataReader();
            if (image.PEHeaders.CorHeader!.ManagedNativeHeaderDirectory.Size > 0)
            {
                compiled++;
            }
            else if (metadata.MethodDefinitions.Any(method => metadata.GetMethodDefinition(method).RelativeVirtualAddress != 0))
            {
                interpreted.Add(Path.GetFileName(file));
            }
        }

        Assert.Empty(interpreted);
        Assert.True(compiled > 100, $"Only {compiled} assemblies have native code.");
    }
}
