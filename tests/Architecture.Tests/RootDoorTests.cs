using System.Reflection;
using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Slowrun.Architecture.Tests;

/// <summary>
/// A stage's root is written through one door: <c>RootCommit</c> stamps it, and what may happen to it stands in <c>StageTransitions</c>.
/// Code that wrote one by hand would leave ledger, lost steps or write id as they were.
/// </summary>
public sealed class RootDoorTests
{
    private const string Root = "Slowrun.Core.Stages.StageRoot";
    private const string Checkpoints = "Slowrun.Storage.Checkpoints.";

    // StageRoot's own are the record's copy constructor and what JSON and 'with' need.
    private static readonly string[] Door = [Checkpoints + "RootCommit", Checkpoints + "StageTransitions", Root];

    private static readonly string Silo = Folder("SlowrunSilo");
    private static readonly string Client = Folder("SlowrunClient");

    private static readonly string[] Rooms =
    [
        .. new[] { Silo, Client }.SelectMany(folder => Directory.GetFiles(folder, "Slowrun.*.dll")).DistinctBy(Path.GetFileName),
    ];

    [Fact]
    public void Room_WhenItChangesARoot_DoesItInTheDoor() =>
        Assert.Empty(
            Calls(called => called.DeclaringType.FullName == Root && called.Name.StartsWith("set_", StringComparison.Ordinal))
                // Roots of a simulation are in no store.
                .Where(call => !IsIn(call.By, Door) && !call.By.StartsWith("Slowrun.Core.Simulation.", StringComparison.Ordinal))
                .Select(call => call.Text)
        );

    [Fact]
    public void Room_WhenItWritesARootDocument_DoesItInTheDoor()
    {
        // Documents that pass a write on, or keep it.
        string[] documents = [Checkpoints + "RootCommit", Checkpoints + "CopyingRootDocument", "Slowrun.Grains.Stages.GrainRootDocument"];

        Assert.Empty(
            Calls(called =>
                    called.Name == "WriteAsync"
                    && called.DeclaringType.Name is "IRootDocument" or "StoreRootDocument" or "CopyingRootDocument" or "GrainRootDocument"
                )
                .Where(call => !IsIn(call.By, documents))
                .Select(call => call.Text)
        );
    }

    [Fact]
    public void Room_WhenItMakesARootsBytes_DoesItInADocument()
    {
        // RootCommit's are for a message.
        string[] documents = [Checkpoints + "StoreRootDocument", Checkpoints + "CopyingRootDocument", Checkpoints + "RootCommit"];

        Assert.Empty(
            Calls(called =>
                    called is GenericInstanceMethod { GenericArguments: [{ FullName: Root }] }
                    && called.Name.Contains("Serialize", StringComparison.Ordinal)
                    && !called.Name.Contains("Deserialize", StringComparison.Ordinal)
                )
                .Where(call => !IsIn(call.By, documents))
                .Select(call => call.Text)
        );
    }

    [Fact]
    public void Door_WhenLookedFor_IsFound() =>
        Assert.Contains(
            Calls(called => called.DeclaringType.FullName == Root && called.Name == "set_WriteId"),
            call => IsIn(call.By, [Checkpoints + "RootCommit"])
        );

    private static List<(string By, string Text)> Calls(Func<MethodReference, bool> isMeant)
    {
        using var resolver = new DefaultAssemblyResolver();
        resolver.AddSearchDirectory(Silo);
        resolver.AddSearchDirectory(Client);
        var calls = new List<(string, string)>();
        foreach (var file in Rooms)
        {
            using var assembly = AssemblyDefinition.ReadAssembly(file, new ReaderParameters { AssemblyResolver = resolver });
            foreach (var method in assembly.MainModule.GetTypes().SelectMany(type => type.Methods).Where(method => method.HasBody))
            {
                calls.AddRange(
                    method
                        .Body.Instructions.Where(instruction =>
                            instruction.OpCode.Code is Code.Call or Code.Callvirt or Code.Ldftn or Code.Ldvirtftn
                        )
                        .Select(instruction => instruction.Operand)
                        .OfType<MethodReference>()
                        .Where(called => isMeant(called))
                        .Select(called => (method.DeclaringType.FullName, $"{method.FullName} calls {called.FullName}"))
                );
            }
        }

        return calls;
    }

    /// <summary>Whether the type is one of them, or lies within: lambdas and asynchronous methods are classes of their own.</summary>
    private static bool IsIn(string type, string[] allowed) =>
        allowed.Any(one => type == one || type.StartsWith($"{one}/", StringComparison.Ordinal));

    private static string Folder(string key) =>
        Path.GetDirectoryName(
            typeof(RootDoorTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!
        )!;
}
