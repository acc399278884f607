using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Slowrun.Architecture.Tests;

/// <summary>Folders of a room know each other in one direction only (docs/architecture.md), and exit codes are known to the command line
/// alone.</summary>
public sealed class FolderTests
{
    public static TheoryData<string> Rooms => RoomTests.Rooms;

    [Theory]
    [MemberData(nameof(Rooms))]
    public void Folders_OfARoom_KnowEachOtherInNoCircle(string room)
    {
        var uses = BuiltRooms.Uses(room);
        var held = uses.Keys.ToList();
        var circles = held.Where(use => Reaches(held, use.To, use.From)).Select(use => $"{Name(use)}, for example {uses[use]}");

        Assert.True(
            !circles.Any(),
            $"These close a circle between folders of {room}:\n{string.Join("\n", circles.Order(StringComparer.Ordinal))}"
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
