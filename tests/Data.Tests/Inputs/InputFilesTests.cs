using Slowrun.Core;
using Slowrun.Data.Inputs;

namespace Slowrun.Data.Tests.Inputs;

public sealed class InputFilesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Find_OfAPattern_GivesEachFileOnceInOrderOfItsPath()
    {
        var (b, a) = (folder.Write("b.txt", "b"), folder.Write("a.jsonl", "{}"));

        var found = InputFiles.Find([b, Path.Combine(folder.Path, "*")], null);

        Assert.Equal([(a, InputFormat.Jsonl), (b, InputFormat.Text)], found.Select(file => (file.Path, file.Format)));
    }

    [Fact]
    public void Find_OfAFileThatIsNotThere_ThrowsNotFoundException()
    {
        var path = Path.Combine(folder.Path, "missing.txt");

        Assert.Equal($"There is no file '{path}'.", Assert.Throws<NotFoundException>(() => InputFiles.Find([path], null)).Message);
    }

    [Theory]
    [InlineData("odd.xyz", "Give --format text|jsonl|parquet|bin.")]
    [InlineData("inner/x.txt", "is a directory. Name the files in it")]
    public void Find_OfWhatIsNoInput_ThrowsInvalidRequestExceptionThatSaysWhatToGive(string name, string message)
    {
        folder.Write(name, "text");
        var input = Path.Combine(folder.Path, name.Split('/')[0]);

        Assert.Contains(
            message,
            Assert.Throws<InvalidRequestException>(() => InputFiles.Find([input], null)).Message,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("-")]
    [InlineData("-", "a.txt")]
    public void Find_OfStandardInputWithoutFormatOrWithOthers_ThrowsInvalidRequestException(params string[] inputs) =>
        Assert.Throws<InvalidRequestException>(() => InputFiles.Find(inputs, null));
}
