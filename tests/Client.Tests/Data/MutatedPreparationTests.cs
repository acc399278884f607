using System.Text;
using Slowrun.Data.Tests;

namespace Slowrun.Client.Tests.Data;

/// <summary>The whole command on damaged files: every byte is in a set or counted as left out, or it fails with a message.</summary>
public sealed class MutatedPreparationTests : IDisposable
{
    private const int Mutations = 60;

    private readonly PrepareRunner runner = new();

    public void Dispose() => runner.Dispose();

    [Theory]
    [InlineData("--document", "file")]
    [InlineData("--document", "line")]
    [InlineData("--document", "paragraph")]
    [InlineData("--separator", "<|end of text|>")]
    public async Task Prepare_OfMutatedText_AccountsForEveryByte(string option, string value)
    {
        var random = new Random(16);
        for (var i = 0; i < Mutations; i++)
        {
            var text = Text(random);
            for (var n = random.Next(4); n > 0; n--)
            {
                text[random.Next(text.Length)] = (byte)random.Next(256);
            }

            var path = runner.Write("a.txt", text);
            var code = await runner.RunAsync(
                "--input",
                path,
                "--tokenizer",
                "bytes",
                option,
                value,
                "--skip-bad",
                "-o",
                "json",
                "--val-tokens",
                $"{random.Next(1, 6_000)}",
                "--fitness-tokens",
                $"{random.Next(1, 600)}"
            );
            if (code == 0)
            {
                Assert.Equal(text.Length, PrepareRunner.Accounted(runner.Cli.Json()));
            }
            else
            {
                Assert.Equal(1, code);
                Assert.Contains("too little text", runner.Cli.Error, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData("a.txt.gz")]
    [InlineData("a.txt.zst")]
    public async Task Prepare_OfMutatedCompressedText_GivesAllOfItOrFails(string name)
    {
        var random = new Random(17);
        var text = Text(random);
        var half = text.Length / 2;
        var whole = name.EndsWith("gz", StringComparison.Ordinal)
            ? SampleFiles.Gzip(text[..half]).Concat(SampleFiles.Gzip(text[half..])).ToArray()
            : SampleFiles.Zstd(text[..half]).Concat(SampleFiles.Zstd(text[half..])).ToArray();
        var failed = 0;
        for (var i = 0; i < 3 * Mutations; i++)
        {
            var mutated = whole.ToArray();
            // Where a reader might take damage for an end: the seam, the front, the end, anywhere.
            var seam = name.EndsWith("gz", StringComparison.Ordinal)
                ? SampleFiles.Gzip(text[..half]).Length
                : SampleFiles.Zstd(text[..half]).Length;
            var at = Math.Clamp(
                new[] { seam + random.Next(-10, 10), random.Next(10), whole.Length - 1 - random.Next(10), random.Next(whole.Length) }[
                    i % 4
                ],
                0,
                whole.Length - 1
            );
            mutated = random.Next(4) switch
            {
                0 => mutated[..at],
                1 => [.. mutated[..at], (byte)random.Next(256), .. mutated[at..]],
                2 => [.. mutated[..at], .. mutated[(at + 1)..]],
                _ => [.. mutated[..at], (byte)(mutated[at] ^ (1 << random.Next(8))), .. mutated[(at + 1)..]],
            };
            if (await runner.RunAsync("--input", runner.Write(name, mutated), "--tokenizer", "bytes", "--skip-bad") == 0)
            {
                var letters = runner.Letters("train")[1..];
                // A whole member may be missing only where nothing of it is there.
                Assert.True(
                    letters == Encoding.UTF8.GetString(text)
                        || (mutated.Length == seam && letters == Encoding.UTF8.GetString(text[..half])),
                    $"mutation {i} at {at} of {whole.Length}, seam {seam}: {letters.Length} characters"
                );
            }
            else
            {
                failed++;
                Assert.Contains($"'{runner.In(name)}'", runner.Cli.Error, StringComparison.Ordinal);
            }
        }

        Assert.InRange(failed, 2 * Mutations, 3 * Mutations);
    }

    /// <summary>ASCII, so that its half is text too.</summary>
    private static byte[] Text(Random random)
    {
        string[] parts = ["word", " ", "\n", "\n\n", "\r\n", "<|end of text|>", ". ", "\t", "longer words here", "\n \n"];
        return Encoding.UTF8.GetBytes(
            "front " + string.Concat(Enumerable.Range(0, random.Next(1, 4_000)).Select(_ => parts[random.Next(parts.Length)])) + " end"
        );
    }
}
