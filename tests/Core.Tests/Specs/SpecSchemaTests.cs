using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Slowrun.Core.Presets;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Tests.Specs;

public sealed class SpecSchemaTests
{
    private static SpecDescriptions Descriptions { get; } =
        SpecDescriptions.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Slowrun.Core.xml")));

    [Fact]
    public async Task Of_HoldsForEveryPresetAsWrittenAndAsResolved()
    {
        var written = PresetFiles.Names.Select(name => Json(SpecParser.Parse(PresetFiles.TryRead(name)!, name)));
        var resolved = PresetFiles.Names.Select(name => JsonSerializer.SerializeToNode(SpecReader.FromPreset(name), CanonicalJson.Options));

        var errors = await Ajv.ErrorsAsync(SpecSchema.Of(Descriptions), written.Concat(resolved));

        Assert.All(errors, Assert.Empty);
    }

    [Theory]
    [InlineData("""{"recipe": {"model": {"layerz": 4}}}""", "/recipe/model must NOT have additional properties")]
    [InlineData("""{"recipe": {"model": {"layers": "four"}}}""", "/recipe/model/layers must be integer,null")]
    [InlineData("""{"recipe": {"stage": {"dropout": 1}}}""", "/recipe/stage/dropout must be < 1")]
    [InlineData(
        """{"recipe": {"stage": {"selection": {"rule": "Best"}}}}""",
        "/recipe/stage/selection/rule must be equal to one of the allowed values"
    )]
    [InlineData("""{"recipe": {"chains": [{"stage": {"epochs": 0}}]}}""", "/recipe/chains/0/stage/epochs must be > 0")]
    [InlineData("""{"operations": {"checkpointAtMostEvery": "5 minutes"}}""", "/operations/checkpointAtMostEvery must match pattern")]
    [InlineData("""{"extends": "demoo"}""", "/extends must be equal to one of the allowed values")]
    public async Task Of_RefusesWhatTheReaderRefuses(string spec, string error)
    {
        Assert.Throws<SpecException>(() => SpecReader.FromText(spec, "x.json"));

        Assert.StartsWith(
            error,
            Assert.Single((await Ajv.ErrorsAsync(SpecSchema.Of(Descriptions), [JsonNode.Parse(spec)]))[0]),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Of_SaysWhatTheRecordsDocumentationSays()
    {
        var stage = SpecSchema.Of(Descriptions)["$defs"]![nameof(StageRecipe)]!["properties"]!;

        Assert.StartsWith(
            "Tokens of a step in the first and the last quarter",
            stage["outerBatchTokens"]!["description"]!.GetValue<string>(),
            StringComparison.Ordinal
        );
        Assert.Contains("Null: batchTokens.", stage["outerBatchTokens"]!["description"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Equal(0.1, stage["dropout"]!["default"]!.GetValue<double>());
    }

    private static JsonNode? Json(SpecNode node) =>
        node switch
        {
            SpecMapping mapping => new JsonObject(mapping.Entries.Select(entry => KeyValuePair.Create(entry.Key, Json(entry.Value)))),
            SpecSequence sequence => new JsonArray([.. sequence.Items.Select(Json)]),
            SpecScalar { IsNull: true } => null,
            SpecScalar { Quoted: false } scalar
                when long.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) => whole,
            SpecScalar { Quoted: false } scalar
                when double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
            SpecScalar { Quoted: false } scalar when bool.TryParse(scalar.Text, out var truth) => truth,
            SpecScalar scalar => scalar.Text,
            _ => throw new InvalidOperationException($"{node}"),
        };
}
