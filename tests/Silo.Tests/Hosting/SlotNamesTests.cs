using Slowrun.Silo.Hosting;

namespace Slowrun.Silo.Tests.Hosting;

public sealed class SlotNamesTests
{
    /// <summary>Asking may load libtorch, half a second of a start.</summary>
    [Theory]
    [InlineData("cpu")]
    [InlineData("cpu:1")]
    public void Parse_WhenOnlyCoresAreNamed_DoesNotAskForDevices(string text) =>
        Assert.Equal(["cpu:0"], SlotNames.Parse(text, cores: 1, () => throw new InvalidOperationException("Asked.")));

    [Fact]
    public void Parse_WhenNothingIsNamed_TakesDevicesBeforeCores()
    {
        Assert.Equal(["cuda:0", "cuda:1"], SlotNames.Parse(null, cores: 1, () => 2));
        Assert.Equal(["cpu:0"], SlotNames.Parse(null, cores: 1, () => 0));
    }

    [Fact]
    public void Parse_WhenADeviceIsNotHere_SaysHowManyThereAre() =>
        Assert.Contains(
            "has 1.",
            Assert.Throws<FormatException>(() => SlotNames.Parse("cuda:1", cores: 1, () => 1)).Message,
            StringComparison.Ordinal
        );
}
