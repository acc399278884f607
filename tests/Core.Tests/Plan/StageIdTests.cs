using System.Text;
using Slowrun.Core.Plan;

namespace Slowrun.Core.Tests.Plan;

public sealed class StageIdTests
{
    [Fact]
    public void Json_OfAStage_IsItsText()
    {
        var stages = new StageId?[] { new StageId(0, 1), new StageId(12, 340), null };

        var json = CanonicalJson.Serialize(stages);

        Assert.Equal("""["chain0/stage1","chain12/stage340",null]""", Encoding.UTF8.GetString(json));
        Assert.Equal(stages, CanonicalJson.Deserialize<StageId?[]>(json, "stages"));
    }

    [Fact]
    public void Json_OfStagesAsKeys_IsThatOfTheirTexts()
    {
        var byText = new Dictionary<string, int>
        {
            ["chain10/stage0"] = 3,
            ["chain2/stage1"] = 2,
            ["chain0/stage0"] = 1,
        };
        var byId = new Dictionary<StageId, int>
        {
            [new StageId(10, 0)] = 3,
            [new StageId(2, 1)] = 2,
            [new StageId(0, 0)] = 1,
        };

        var json = CanonicalJson.Serialize(byId);

        Assert.Equal(CanonicalJson.Serialize(byText), json);
        Assert.Equal(byId, CanonicalJson.Deserialize<Dictionary<StageId, int>>(json, "stages"));
    }

    [Theory]
    [InlineData("""["stage1"]""")]
    [InlineData("""["chain0/stage01"]""")]
    [InlineData("""["chain-1/stage0"]""")]
    [InlineData("""["chain0/stage1/"]""")]
    [InlineData("[1]")]
    [InlineData("[{}]")]
    [InlineData("[null]")]
    public void Json_OfAnythingElse_IsRefused(string json) =>
        Assert.Throws<InvalidDataException>(() => CanonicalJson.Deserialize<StageId[]>(Encoding.UTF8.GetBytes(json), "stages"));

    [Fact]
    public void Names_OfAStage_AreItsParts()
    {
        var id = new StageId(3, 14);

        Assert.Equal(("chain3", "stage14", "chain3/stage14"), (id.ChainName, id.NameInChain, id.ToString()));
        Assert.Equal(new StageId(3, 13), id.Before);
        Assert.Null(new StageId(3, 0).Before);
    }
}
