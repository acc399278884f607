using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Specs;

/// <summary>What is wrong is named for what it is.</summary>
public sealed class OddSpecTests
{
    [Theory]
    [InlineData(
        "recipe: {data: {trainTokens: 99999999999999999999}}",
        "recipe.data.trainTokens",
        "expected a whole number up to 9223372036854775807."
    )]
    [InlineData("recipe: {model: {layers: -99999999999999999999}}", "recipe.model.layers", "expected a whole number up to 2147483647.")]
    [InlineData("recipe: {model: {layers: 4.5}}", "recipe.model.layers", "found '4.5', expected a whole number such as 4.")]
    [InlineData("recipe: {stage: {epochs: 1e400}}", "recipe.stage.epochs", "found '1e400', expected a finite number such as 0.4.")]
    [InlineData("recipe: {stage: {epochs: NaN}}", "recipe.stage.epochs", "found 'NaN', expected a finite number such as 0.4.")]
    [InlineData("extends: [tiny]", "extends", "found a list, expected the name of one preset: demo, ")]
    [InlineData("extends: {a: tiny}", "extends", "found a section, expected the name of one preset")]
    [InlineData("extends:", "extends", "found nothing, expected the name of one preset")]
    public void FromText_OfAValueOfTheWrongKind_SaysWhatIsWrongWithIt(string text, string path, string message)
    {
        var problem = Assert.Single(Assert.Throws<SpecException>(() => SpecReader.FromText(text, "odd.yaml")).Problems);

        Assert.Equal(path, problem.Path);
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-0")]
    [InlineData("-0.0")]
    [InlineData("0e5")]
    public void FromText_OfZeroWrittenOddly_IsTheRecipeOfZero(string zero)
    {
        string Hash(string dropout) =>
            CanonicalJson.Sha256(SpecReader.FromText($"extends: tiny\nrecipe: {{stage: {{dropout: {dropout}}}}}", "odd.yaml").Recipe);

        Assert.Equal(Hash("0"), Hash(zero));
    }

    [Fact]
    public void FromText_IndentedByATab_NamesItsLine()
    {
        var e = Assert.Throws<SpecException>(() => SpecReader.FromText("extends: tiny\nrecipe:\n\tseed: 3\n", "tab.yaml"));

        Assert.Equal("tab.yaml:3:1: this is not YAML: found a tab before the line, expected spaces.", Assert.Single(e.Problems).ToString());
    }

    [Theory]
    [InlineData("chains[0.stages")]
    [InlineData("chains[0]stages")]
    [InlineData("chains[0]].stages")]
    [InlineData("chains]0.stages")]
    [InlineData("operations.notify[0.url")]
    public void Set_OfAPathWithBracketsThatDoNotMatch_IsRefused(string path)
    {
        var overrides = new SpecOverrides { Set = [$"{path}=1234567"] };

        var problem = Assert.Single(Assert.Throws<SpecException>(() => SpecReader.FromPreset("tiny", overrides)).Problems);

        Assert.Contains($"'{path}' is not a path", problem.Message, StringComparison.Ordinal);
        Assert.Equal(!path.Contains("notify", StringComparison.Ordinal), problem.ToString().Contains("1234567", StringComparison.Ordinal));
    }
}
