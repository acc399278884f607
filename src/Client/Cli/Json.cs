using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Slowrun.Core;

namespace Slowrun.Client.Cli;

/// <summary>JSON for programs: every field of the contract is there, also where it is null.</summary>
internal static class Json
{
    private static readonly JsonSerializerOptions Options = new(CanonicalJson.StrictOptions)
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.Never,
    };

    private static readonly JsonSerializerOptions OneLine = new(Options) { WriteIndented = false };

    /// <summary>For adding fields to.</summary>
    public static JsonNode Node<T>(T value) => JsonSerializer.SerializeToNode(value, Options)!;

    public static string Text<T>(T value) => JsonSerializer.Serialize(value, Options);

    /// <summary>What is about a run, and begins with its own name: with what it is called behind that.</summary>
    /// <param name="givenName">Null: it was given no other name.</param>
    public static string TextOfRun<T>(T value, string? givenName)
    {
        var document = Node(value).AsObject();
        document.Insert(1, "givenName", givenName);
        return document.ToJsonString(Options);
    }

    /// <summary>For streams: one value a line.</summary>
    public static string Line<T>(T value) => JsonSerializer.Serialize(value, OneLine);
}
