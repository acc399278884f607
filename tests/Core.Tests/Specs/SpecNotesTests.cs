using System.Text.RegularExpressions;
using Slowrun.Core.Models;
using Slowrun.Core.Presets;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Specs;

public sealed partial class SpecNotesTests
{
    public static TheoryData<string> Presets => [.. PresetFiles.Names];

    public static TheoryData<string> UpstreamPresets =>
        [.. PresetFiles.Names.Where(name => name.StartsWith("slowrun-", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(UpstreamPresets))]
    public void Yaml_OfAnUpstreamPreset_HasEveryValueWrittenThereWithItsSource(string preset)
    {
        var resolved = SpecReader.ResolvePreset(preset);

        var lines = SpecWriter.Yaml(resolved).Split('\n');
        foreach (var (path, entry) in Leaves(SpecParser.Parse(PresetFiles.TryRead(preset)!, preset), ""))
        {
            var note = resolved.Notes[path]?.Beside;
            Assert.True(note is not null && Source().IsMatch(note), $"{path} has the comment '{note}', which names no source.");
            Assert.Contains(
                lines,
                line =>
                    line.TrimStart(' ', '-').StartsWith($"{entry.Key}: ", StringComparison.Ordinal)
                    && line.EndsWith($"# {note}", StringComparison.Ordinal)
            );
        }
    }

    [Theory]
    [MemberData(nameof(Presets))]
    public void Yaml_WithComments_ReadsBackAsTheSameSpec(string preset)
    {
        var resolved = SpecReader.ResolvePreset(preset);

        var again = SpecReader.FromText(SpecWriter.Yaml(resolved), "again.yaml");

        Assert.Equal(CanonicalJson.Serialize(resolved.Spec), CanonicalJson.Serialize(again));
    }

    [Theory]
    [InlineData("slowrun-10x")]
    [InlineData("slowrun-snapshots")]
    public void Set_ThatAPresetsCommentNames_GivesTheArticlesValue(string preset)
    {
        var sets = Sets().Matches(SpecWriter.Yaml(SpecReader.ResolvePreset(preset))).Select(match => match.Groups[1].Value).ToList();
        var article = SpecReader
            .FromPreset(
                preset,
                new SpecOverrides
                {
                    Set = [.. sets.Where(set => ArticleFields.Any(field => set.StartsWith(field + "=", StringComparison.Ordinal)))],
                }
            )
            .Recipe;

        Assert.All(ArticleFields, field => Assert.Contains(sets, set => set.StartsWith(field + "=", StringComparison.Ordinal)));
        Assert.Equal(1.6, article.Stage.Optimizer.WeightDecay);
        Assert.Equal(30 + (3 * 10), LayerVisits.Of(article.Model.Layers, article.Stage.Loop).Count);
        Assert.Equal(new XsaRecipe { Strength = XsaStrength.Fixed }, article.Model.Xsa);
    }

    [Theory]
    [InlineData("operations.keepCheckpoints=5", "keepCheckpoints: 5 +# from --set operations.keepCheckpoints=5; default 2")]
    [InlineData("operations.checkpointAtMostEvery=7m", "checkpointAtMostEvery: 7m +# .*; default ")]
    public void Yaml_OfAnOverriddenDefault_NamesTheDefault(string set, string line)
    {
        var yaml = SpecWriter.Yaml(
            SpecReader.ResolveText("extends: slowrun-10x\nname: mine\n", "mine.yaml", new SpecOverrides { Set = [set] })
        );
        Assert.Matches(line, yaml);
    }

    [Fact]
    public void Yaml_OfAValueThatIsTheDefault_SaysNothingOfIt()
    {
        var yaml = SpecWriter.Yaml(SpecReader.ResolveText("extends: tiny\nname: mine\noperations: {priority: 0}\n", "mine.yaml"));
        Assert.DoesNotMatch("priority: 0.*default", yaml);
    }

    [Fact]
    public void Yaml_OfASpecThatExtends_SaysWhereEachOverriddenValueComesFrom()
    {
        var resolved = SpecReader.ResolveText(
            """
            # Mine.
            extends: demo-quick
            recipe:
              stage:
                # Two lines
                # above it.
                epochs: 3   # not many
                optimizer: {weightDecay: 0.5}  # flow
            """,
            "mine.yaml",
            new SpecOverrides { Set = ["model.heads=4"], Environment = ["operations.priority=2"] }
        );

        var yaml = SpecWriter.Yaml(resolved);

        Assert.StartsWith("# Mine.\nname: mine\n", yaml, StringComparison.Ordinal);
        Assert.Contains("    # Two lines\n    # above it.\n    epochs: 3 ", yaml, StringComparison.Ordinal);
        Assert.Equal(
            "not many; from mine.yaml:7; preset demo-quick:18 has 18 (a third of the text wants more passes); "
                + "preset demo:22 has 9; default 10",
            resolved.Notes["recipe.stage.epochs"]!.Beside
        );
        Assert.Equal(
            "from --set model.heads=4; preset demo-quick:13 has 2; preset demo:15 has 4",
            resolved.Notes["recipe.model.heads"]!.Beside
        );
        Assert.Equal("from SLOWRUN_SET operations.priority=2; default 0", resolved.Notes["operations.priority"]!.Beside);
        Assert.StartsWith("costs 1.3 times the time", resolved.Notes["recipe.stage.loop.fromFraction"]!.Beside, StringComparison.Ordinal);
        Assert.Equal(CanonicalJson.Serialize(resolved.Spec), CanonicalJson.Serialize(SpecReader.FromText(yaml, "mine.yaml")));
    }

    [Fact]
    public void Yaml_OfACommentCharacterInText_DoesNotTakeItForAComment()
    {
        var resolved = SpecReader.ResolveText(
            """{"recipe": {"seed": 3, "model": {"windowPattern": "SL"}}, "operations": {"priority": 1}} # end""",
            "x.json"
        );

        Assert.Equal("default 42", resolved.Notes["recipe.seed"]!.Beside);
        Assert.Equal("default SSSL", resolved.Notes["recipe.model.windowPattern"]!.Beside);
    }

    private static readonly string[] ArticleFields = ["stage.optimizer.weightDecay", "stage.loop.replays", "model.xsa.strength"];

    private static IEnumerable<(string Path, SpecEntry Entry)> Leaves(SpecNode node, string path) =>
        node switch
        {
            SpecMapping mapping => mapping.Entries.SelectMany(entry =>
                entry.Value is SpecMapping || (entry.Value is SpecSequence list && list.Items.All(item => item is SpecMapping))
                    ? Leaves(entry.Value, path + entry.Key + ".")
                    : [(path + entry.Key, entry)]
            ),
            SpecSequence sequence => sequence.Items.SelectMany((item, i) => Leaves(item, $"{path.TrimEnd('.')}[{i}].")),
            _ => [],
        };

    [GeneratedRegex("^(rec9|rec10|rec11|rec12|1h|2h|15m|ut|ours)\\b")]
    private static partial Regex Source();

    [GeneratedRegex("--set ([^\\s,;)]+=[^\\s,;)]+)")]
    private static partial Regex Sets();
}
