using System.Text.Json;
using System.Text.Json.Serialization;

namespace Slowrun.Core.Plan;

/// <summary>Stages in JSON, as values and as names of members: <c>chain0/stage1</c>.</summary>
internal sealed class StageIdConverter : JsonConverter<StageId>
{
    public override StageId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String
            ? Parse(reader.GetString())
            : throw new JsonException($"found {reader.TokenType}, expected a stage, for example \"chain0/stage1\".");

    public override void Write(Utf8JsonWriter writer, StageId value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());

    public override StageId ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Parse(reader.GetString());

    public override void WriteAsPropertyName(Utf8JsonWriter writer, StageId value, JsonSerializerOptions options) =>
        writer.WritePropertyName(value.ToString());

    private static StageId Parse(string? text) =>
        StageId.TryParse(text, out var id) ? id : throw new JsonException($"'{text}' is no stage; expected for example chain0/stage1.");
}
