using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Slowrun.Core.Tensors;
using Slowrun.Storage.Safetensors;

namespace Slowrun.Storage.Tests.Safetensors;

/// <summary>Files that are nearly right: the reader gives tensors or an <see cref="InvalidDataException"/>, and takes no memory for
/// lies.</summary>
public sealed class SafetensorsFuzzTests
{
    // Short enough for every run of the tests; a night's run sets more.
    private static readonly double Seconds = double.Parse(
        Environment.GetEnvironmentVariable("SLOWRUN_FUZZ_SECONDS") ?? "2",
        CultureInfo.InvariantCulture
    );

    private static readonly string[] Snippets =
    [
        "9223372036854775807",
        "-1",
        "0",
        "1e99",
        "0.5",
        "null",
        "{}",
        "[]",
        "\"\"",
        "\"F32\"",
        "\"U8\"",
        "{\"a\":",
        "[0,4]",
        "[4,0]",
        ",",
        ":",
        "\\u0000",
        "\"__metadata__\":{}",
        "\"shape\":[1]",
        "4294967296",
        "\"data_offsets\":[0,0]",
        "\ud83d\ude00",
        new string('[', 70),
    ];

    [Fact]
    public async Task Read_OfAnythingNearAFile_GivesTensorsOrSaysThatItIsNone()
    {
        var cancel = TestContext.Current.CancellationToken;
        TensorData[] tensors =
        [
            SafetensorsTests.Floats("model/wte.weight", 1, 2, 3),
            new("step", ElementType.I64, [1], new byte[8]),
            new("empty", ElementType.U8, [0, 7], Array.Empty<byte>()),
        ];
        using var written = new MemoryStream();
        await SafetensorsWriter.OpenRead(tensors).CopyToAsync(written, cancel);
        var good = written.ToArray();
        var started = TimeProvider.System.GetTimestamp();
        var (read, refused) = (0, 0);
        for (var seed = 0; TimeProvider.System.GetElapsedTime(started).TotalSeconds < Seconds; seed++)
        {
            var file = Mutated(good, new Random(seed));
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                var found = await SafetensorsReader.ReadAsync(new MemoryStream(file), file.Length, "fuzz", cancellationToken: cancel);
                Assert.True(found.Sum(tensor => (long)tensor.Bytes.Length) < file.Length, $"seed {seed}");
                read++;
            }
            catch (InvalidDataException)
            {
                refused++;
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}: {e}");
            }

            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1_000_000, $"seed {seed}: took too much memory");
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{read} files read, {refused} refused.");
        Assert.True(read > 0 && refused > 0, $"{read} read, {refused} refused");
    }

    private static byte[] Mutated(byte[] good, Random random)
    {
        var file = good.ToList();
        for (var change = random.Next(1, 5); change > 0; change--)
        {
            var at = random.Next(file.Count + 1);
            switch (random.Next(6))
            {
                case 0 when at < file.Count:
                    file[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    file.RemoveRange(at, Math.Min(random.Next(20), file.Count - at));
                    break;
                case 2:
                    file.InsertRange(at, Encoding.UTF8.GetBytes(Snippets[random.Next(Snippets.Length)]));
                    break;
                case 3:
                    var length = Math.Min(random.Next(40), file.Count - at);
                    file.InsertRange(random.Next(file.Count + 1), file.GetRange(at, length));
                    break;
                case 4 when file.Count > 8 && random.Next(2) == 0:
                    var bytes = new byte[8];
                    BinaryPrimitives.WriteInt64LittleEndian(bytes, random.NextInt64() >> random.Next(64));
                    file.RemoveRange(0, 8);
                    file.InsertRange(0, bytes);
                    break;
                default:
                    if (at < file.Count)
                    {
                        file[at] = (byte)random.Next(256);
                    }

                    break;
            }
        }

        var mutated = file.ToArray();
        // Mostly with a length that fits again, or little else would ever be tried.
        var end = Array.LastIndexOf(mutated, (byte)'}');
        if (mutated.Length > 8 && end > 8 && random.Next(4) != 0)
        {
            BinaryPrimitives.WriteInt64LittleEndian(mutated, end + 1 - 8);
        }

        return mutated;
    }
}
