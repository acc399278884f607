using CsCheck;
using Slowrun.Core.Presets;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Specs;

public sealed class SpecMutationTests
{
    private const string Inserted = "\0\t\n :-{}[]\"'#&*!|>%@`,0123456789aé\u2028\ud83d\ude00~=.";

    /// <summary>A preset in which some characters were deleted, replaced or inserted.</summary>
    private static readonly Gen<string> Mutated = Gen.Select(
        Gen.OneOf([.. PresetFiles.Names.Select(Gen.Const)]),
        Gen.Select(Gen.Int[0, 100_000], Gen.Int[0, 2], Gen.Int[0, Inserted.Length - 1]).List[1, 6],
        (preset, changes) => changes.Aggregate(PresetFiles.TryRead(preset)!, (text, change) =>
        {
            var at = change.Item1 % text.Length;
            var (kept, added) = (change.Item2 == 2 ? 0 : 1, change.Item2 == 0 ? "" : Inserted[change.Item3].ToString());
            return text.Length < 2 ? text : text[..at] + added + text[(at + kept)..];
        }));

    [Fact]
    public void FromText_OfMutatedPresets_GivesASpecOrSaysWhatIsWrong() => Mutated.Sample(
        text =>
        {
            try
            {
                Assert.NotNull(SpecReader.FromText(text, "mutated.yaml"));
            }
            catch (SpecException e)
            {
                Assert.NotEmpty(e.Problems);
            }
        },
        iter: 2_000,
        // A list that does not end, at which the YAML library itself breaks off.
        seed: "587tUfjGHo22");
}
