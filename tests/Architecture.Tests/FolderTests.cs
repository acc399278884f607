using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Slowrun.Architecture.Tests;

/// <summary>Folders of a room know each other in one direction only (docs/architecture.md), and exit codes are known to the command line
/// alone.</summary>
public sealed class FolderTests
{
    /// <summary>Uses that close a circle, and are to go: nobody adds one here. Where the last one of a room is gone, so is its
    /// line.</summary>
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        // What a step and a device are, and the canned training of the fingerprint, stand with the training of stages.
        ["Training"] = ["Distillation -> Stages", "Evaluation -> Stages", "Lanes -> Stages", "Numerics -> Models", "Numerics -> Stages"],
    };

    public static TheoryData<string> Rooms => RoomTests.Rooms;

    [Theory]
    [MemberData(nameof(Rooms))]
    public void Folders_OfARoom_KnowEachOtherInNoCircle(string room)
    {
        var uses = BuiltRooms.Uses(room);
        var allowed = Allowed.GetValueOrDefault(room, []);
        var held = uses.Keys.Where(use => !allowed.Contains(Name(use))).ToList();
        var circles = held.Where(use => Reaches(held, use.To, use.From)).Select(use => $"{Name(use)}, for example {uses[use]}");

        Assert.True(
            !circles.Any(),
            $"These close a circle between folders of {room}:\n{string.Join("\n", circles.Order(StringComparer.Ordinal))}"
        );
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void Folders_WhereACircleIsAllowed_StillHaveIt(string room)
    {
        var uses = BuiltRooms.Uses(room).Keys.ToList();

        Assert.All(
            Allowed.GetValueOrDefault(room, []),
            allowed =>
                Assert.True(
                    uses.Exists(use => Name(use) == allowed && Reaches(uses, use.To, use.From)),
                    $"'{allowed}' of {room} closes no circle any more: take it off the list."
                )
        );
    }

    [Fact]
    public void ExitCodes_OutsideOfCliAndCommands_AreNotThrown()
    {
        const string room = "Client";
        using var client = BuiltRooms.Read(room);
        var throwers = client
            .MainModule.GetTypes()
            .SelectMany(type => type.Methods)
            .Where(method => method.HasBody)
            .Where(method =>
                method.Body.Instructions.Any(i =>
                    i.OpCode == OpCodes.Newobj && i.Operand is MethodReference { DeclaringType.Name: "CliException" }
                )
            )
            .ToLookup(method => BuiltRooms.FolderOf(room, method.DeclaringType), method => method.FullName);

        Assert.NotEmpty(throwers["Commands"]);
        Assert.All(
            throwers,
            folder =>
                Assert.True(
                    folder.Key is "Cli" or "Commands",
                    $"These throw an exit code; throw an exception that says what is wrong, and Cli/Failures gives it its code: {string.Join(", ", folder)}"
                )
        );
    }

    private static string Name((string From, string To) use) => $"{use.From} -> {use.To}";

    private static bool Reaches(IReadOnlyList<(string From, string To)> uses, string from, string to)
    {
        var seen = new HashSet<string> { from };
        var ahead = new Stack<string>([from]);
        while (ahead.TryPop(out var now))
        {
            if (now == to)
            {
                return true;
            }

            foreach (var next in uses.Where(use => use.From == now).Select(use => use.To).Where(seen.Add))
            {
                ahead.Push(next);
            }
        }

        return false;
    }
}
