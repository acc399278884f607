using System.Text.Json;
using CsCheck;
using Slowrun.Core.Plan;
using Slowrun.Core.Presets;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Specs;

public sealed class SpecMutationTests
{
    private const string Inserted = "\0\t\n :-{}[]\"'#&*!|>%@`,0123456789aé\u2028\ud83d\ude00~=.";

    private static readonly JsonSerializerOptions Indented = new(CanonicalJson.Options) { WriteIndented = true };

    /// <summary>A preset in which some characters were deleted, replaced or inserted.</summary>
    private static readonly Gen<string> Mutated = Mutations(name => PresetFiles.TryRead(name)!);

    private static readonly Gen<string> MutatedJson = Mutations(name => JsonSerializer.Serialize(SpecReader.FromPreset(name), Indented));

    private static Gen<string> Mutations(Func<string, string> read) =>
        Gen.Select(
            Gen.OneOf([.. PresetFiles.Names.Select(Gen.Const)]),
            Gen.Select(Gen.Int[0, 100_000], Gen.Int[0, 2], Gen.Int[0, Inserted.Length - 1]).List[1, 6],
            (preset, changes) =>
                changes.Aggregate(
                    read(preset),
                    (text, change) =>
                    {
                        var at = change.Item1 % text.Length;
                        var (kept, added) = (change.Item2 == 2 ? 0 : 1, change.Item2 == 0 ? "" : Inserted[change.Item3].ToString());
                        return text.Length < 2 ? text : text[..at] + added + text[(at + kept)..];
                    }
                )
        );

    [Fact]
    public void FromText_OfMutatedJson_GivesASpecOrSaysWhatIsWrong() => Check(MutatedJson, 1_000);

    [Fact]
    public void FromText_OfMutatedPresets_GivesASpecOrSaysWhatIsWrong() => Check(Mutated, 2_000);

    /// <summary>The same texts each time: what fails, fails again. (CsCheck's own sampling draws other ones in each run.)</summary>
    private static void Check(Gen<string> texts, int count) =>
        Parallel.For(
            0,
            count,
            nth =>
            {
                var text = texts.Generate(new PCG((uint)nth, 7), null, out _);
                try
                {
                    Check(text);
                }
                catch (Exception e)
                {
                    throw new InvalidOperationException($"Mutation {nth}: {e.Message}\n{text}", e);
                }
            }
        );

    private static void Check(string text)
    {
        try
        {
            var spec = SpecReader.FromText(text, "mutated.yaml");
            // What is accepted can be planned.
            Assert.All(
                new RunPlan(spec.Recipe).Stages.Take(3),
                stage => Assert.True(StageSteps.Of(stage, spec.Recipe.Data.TrainTokens) > 0)
            );
        }
        catch (SpecException e)
        {
            Assert.NotEmpty(e.Problems);
            Assert.DoesNotContain("Exception", e.Message, StringComparison.Ordinal);
        }
    }
}
