using Slowrun.Core.Stages;

namespace Slowrun.Core.Tests.Stages;

public sealed class IdentityDifferencesTests
{
    private static readonly StageIdentity Begun = new()
    {
        RecipeSha256 = "aaaaaaaaaaaaaaaa",
        DataSha256 = "bbbbbbbbbbbbbbbb",
        TeacherSha256 = "cccccccccccccccc",
        PredecessorSha256 = null,
        EngineRevision = 3,
        NumericsFingerprint = "dddddddddddddddd",
    };

    public static TheoryData<string, string, string> Parts =>
        new()
        {
            { "recipe", "recipe aaaaaaaaaaaa then, 111111111111 now", "spec was exchanged" },
            { "data", "data bbbbbbbbbbbb then, 111111111111 now", "spec was exchanged" },
            { "teacher", "teacher cccccccccccc then, none now", "slowrun lineage" },
            { "predecessor", "predecessor's final state none then, 111111111111 now", "slowrun lineage" },
            { "revision", "engine revision 3 then, 4 now", "engine revision 3 ('slowrun doctor'" },
            { "fingerprint", "numerics fingerprint dddddddddddd then, 111111111111 now", "a machine of the kind" },
        };

    [Theory]
    [MemberData(nameof(Parts))]
    public void Between_WhenOnePartDiffers_NamesItAndHow(string part, string words, string advice)
    {
        const string Other = "1111111111111111";
        var offered = part switch
        {
            "recipe" => Begun with { RecipeSha256 = Other },
            "data" => Begun with { DataSha256 = Other },
            "teacher" => Begun with { TeacherSha256 = null },
            "predecessor" => Begun with { PredecessorSha256 = Other },
            "revision" => Begun with { EngineRevision = 4 },
            _ => Begun with { NumericsFingerprint = Other },
        };

        Assert.Equal([words], IdentityDifferences.Between(Begun, offered));
        Assert.Contains(advice, IdentityDifferences.Advice(Begun, offered), StringComparison.Ordinal);
        Assert.DoesNotContain("adopt-device", IdentityDifferences.Advice(Begun, offered), StringComparison.Ordinal);
    }

    [Fact]
    public void ToString_IsForPeople() =>
        Assert.Equal(
            "recipe aaaaaaaaaaaa, data bbbbbbbbbbbb, teacher cccccccccccc, predecessor's final state none, engine revision 3, numerics fingerprint dddddddddddd",
            $"{Begun}"
        );
}
