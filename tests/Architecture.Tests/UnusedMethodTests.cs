using Mono.Cecil;

namespace Slowrun.Architecture.Tests;

/// <summary>What only tests call goes, or stands in the tests. (Constructors and properties are left out: containers call the first, and
/// the second show tests what an object has come to.)</summary>
public sealed class UnusedMethodTests
{
    /// <summary>Methods that only tests call. Add one only with a reason; one that is called again, or is gone, is taken off the
    /// list.</summary>
    private static readonly string[] Allowed =
    [
        // The network is parted for ever by hand; chaos does it for a while.
        "Fleet.Chaos.Platform.RelayNetwork.Heal",
        "Fleet.Chaos.Platform.RelayNetwork.Part",
        // Upstream's own rule, held against its fixture.
        "Core.Order.FitnessCarve.Of",
        // What tests read back of what was written.
        "Storage.Checkpoints.CheckpointInventory.ListAsync",
        "Storage.Runs.RunScores.TryReadEnsembleAsync",
        // Seams: captures as the tests want them, and names of what is flat.
        "Training.Parameters.FlatParameters.Leaves",
        "Training.Stages.StageTraining.CaptureBy",
        // Called by name, by the reader of pickles.
        "Client.Imports.TorchPickle.OrderedDictionary.__setstate__",
        // Shorter forms.
        "Clustering.Membership.DeadSilos.BuryAsync",
        "Clustering.Membership.StoreCluster.FoundAsync",
    ];

    [Fact]
    public void Methods_OfTheRooms_AreCalledByMoreThanTests()
    {
        var rooms = RoomTests.Rooms.Select(room => BuiltRooms.Read(room.Data)).ToList();
        using var bench = AssemblyDefinition.ReadAssembly(BuiltRooms.Metadata("SlowrunBench"));
        using var gpu = AssemblyDefinition.ReadAssembly(BuiltRooms.Metadata("SlowrunGpu"));
        var called = rooms
            .Append(bench)
            .Append(gpu)
            .SelectMany(Methods)
            .Where(method => method.HasBody)
            .SelectMany(method =>
                method
                    .Body.Instructions.Select(instruction => (instruction.Operand as MethodReference)?.GetElementMethod())
                    .OfType<MethodReference>()
                    .Select(Name)
                    .Where(name => name != Name(method))
            )
            .ToHashSet(StringComparer.Ordinal);
        var unused = rooms
            .SelectMany(Methods)
            .Where(method => IsWritten(method) && !IsOfTheLibrary(method) && !called.Contains(Name(method)))
            .Select(method => $"{method.DeclaringType.FullName["Slowrun.".Length..].Replace('/', '.')}.{method.Name}")
            .Distinct()
            .Order(StringComparer.Ordinal)
            .ToList();
        rooms.ForEach(room => room.Dispose());

        var more = string.Join("\n", unused.Except(Allowed));
        var fewer = string.Join("\n", Allowed.Except(unused));
        Assert.True(more.Length == 0, $"Nothing but tests calls these: remove them, or move them to the tests.\n{more}");
        Assert.True(fewer.Length == 0, $"These are called, or gone: take them off the list.\n{fewer}");
    }

    private static IEnumerable<MethodDefinition> Methods(AssemblyDefinition assembly) =>
        assembly.MainModule.GetTypes().SelectMany(type => type.Methods);

    /// <summary>Whether a person wrote it to be called by name: no accessor, constructor, operator or override, nothing that a generator
    /// made.</summary>
    private static bool IsWritten(MethodDefinition method) =>
        !method.IsVirtual
        && !method.IsSpecialName
        && !method.Name.Contains('<', StringComparison.Ordinal)
        // Of a record, and a program's entry.
        && method.Name is not ("PrintMembers" or "Deconstruct" or "Main")
        && !IsGenerated(method)
        && !IsGenerated(method.DeclaringType);

    /// <summary>Whether programs of others call it.</summary>
    private static bool IsOfTheLibrary(MethodDefinition method) =>
        method.IsPublic && method.Module.Assembly.Name.Name == $"Slowrun.{BuiltRooms.Library}";

    private static bool IsGenerated(IMemberDefinition member) =>
        member.CustomAttributes.Any(a => a.AttributeType.Name is "CompilerGeneratedAttribute" or "GeneratedCodeAttribute")
        || member.Name.Contains('<', StringComparison.Ordinal)
        || member.Name == "_Imports"
        || (member.DeclaringType is { } outer && IsGenerated(outer));

    /// <summary>A generic method is known by the number of its parameters: a call names them by other types.</summary>
    private static string Name(MethodReference method) =>
        $"{method.DeclaringType.GetElementType().FullName}.{method.Name}/"
        + (
            method.HasGenericParameters
                ? $"{method.Parameters.Count}"
                : string.Join(",", method.Parameters.Select(parameter => parameter.ParameterType.Name))
        );
}
