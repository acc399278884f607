using System.Globalization;
using System.Text.Json.Serialization;

namespace Slowrun.Core.Plan;

/// <summary>A stage within its run: <c>chain0/stage1</c>, in JSON too. Both numbers count from 0.</summary>
[JsonConverter(typeof(StageIdConverter))]
public readonly record struct StageId(int Chain, int Stage)
{
    public override string ToString() => $"{ChainName}/{NameInChain}";

    /// <summary>Its chain's name: <c>chain0</c>.</summary>
    public string ChainName => string.Create(CultureInfo.InvariantCulture, $"chain{Chain}");

    /// <summary>Its name within its chain: <c>stage1</c>.</summary>
    public string NameInChain => string.Create(CultureInfo.InvariantCulture, $"stage{Stage}");

    /// <summary>The stage before it in its chain: its teacher, or what it continues from. Null for the first.</summary>
    public StageId? Before => Stage == 0 ? null : this with { Stage = Stage - 1 };

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    public static bool TryParse(string? text, out StageId id)
    {
        id = default;
        if (text is null)
        {
            return false;
        }

        var parts = text.Split('/');
        if (parts.Length != 2 || !Number(parts[0], "chain", out var chain) || !Number(parts[1], "stage", out var stage))
        {
            return false;
        }

        id = new StageId(chain, stage);
        return true;
    }

    private static bool Number(string part, string word, out int number)
    {
        number = 0;
        return part.StartsWith(word, StringComparison.Ordinal)
            && int.TryParse(part.AsSpan(word.Length), NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && number.ToString(CultureInfo.InvariantCulture).Length == part.Length - word.Length;
    }
}
