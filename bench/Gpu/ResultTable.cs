using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Slowrun.Core;

namespace Slowrun.Gpu;

/// <summary>The lines of all parts as one table, and as one JSON beside the lines.</summary>
internal static class ResultTable
{
    // What NVIDIA gives for H100 and H200, SXM, dense bfloat16: the figure that others' utilisations are of.
    private const double HopperFlops = 989e12;

    private static readonly string[] Copies = ["copy", "upload", "download", "pinnedDownload"];

    public static int Print(string results)
    {
        var lines = File.ReadLines(results).Where(line => line.StartsWith('{')).Select(line => JsonNode.Parse(line)!.AsObject()).ToList();
        File.WriteAllText(
            Path.ChangeExtension(results, ".json"),
            new JsonArray([.. lines.Select(line => line.DeepClone())]).ToJsonString(new JsonSerializerOptions { WriteIndented = true })
        );
        var ceiling = Of("ceilings").Select(line => Number(line, "bf16Flops")).FirstOrDefault();
        var copy = Of("ceilings").Select(line => Number(line, "copyBytesPerSecond")).FirstOrDefault();
        Write(
            $"ceilings: {Flops(ceiling)} bfloat16, "
                + $"{Flops(Of("ceilings").Select(line => Number(line, "f32Flops")).FirstOrDefault())} float32; bytes a second:"
                + string.Concat(
                    Copies.Select(what =>
                        $" {what} {Bytes(Of("ceilings").Select(line => Number(line, what + "BytesPerSecond")).FirstOrDefault())}"
                    )
                )
        );
        Write(
            $"{"size", -12} {"tokens/s", 10} {"PyTorch", 10} {"ratio", 6} {"FLOP/s", 9} {"of GEMM", 8} {"of 989 T", 8} "
                + $"{"ms/micro", 9} {"PyTorch", 9} {"ms beside", 9} {"peak", 9} {"estimated", 9} {"launches", 9} {"waits", 6} "
                + $"{"reads", 6}"
        );
        foreach (var step in Of("step"))
        {
            var reference = Of("reference").FirstOrDefault(line => Name(line) == Name(step));
            double? rate = Number(step, "tokensPerSecond"),
                other = Number(reference, "tokensPerSecond"),
                flops = Number(step, "flops");
            Write(
                $"{Name(step), -12} {Count(rate), 10} {Count(other), 10} {Ratio(rate / other), 6} {Flops(flops), 9} "
                    + $"{Percent(flops / ceiling), 8} {Percent(flops / HopperFlops), 8} {Milli(step, "secondsPerMicroBatch"), 9} "
                    + $"{Milli(reference, "secondsPerMicroBatch"), 9} {Milli(step, "secondsBeside"), 9} "
                    + $"{Bytes(Number(step, "peakBytes")), 9} {Bytes(Number(step, "estimatedBytes")), 9} "
                    + $"{Count(Number(step, "launchesPerMicroBatch")), 9} {Count(Number(step, "waitsPerStep")), 6} "
                    + $"{Count(Number(step, "readsPerStep")), 6}"
            );
        }

        foreach (var capture in Of("capture"))
        {
            Write(
                $"capture of {Bytes(Number(capture, "bytes"))}: the training waited {Milli(capture, "stallSeconds")} ms "
                    + $"({Milli(capture, "beginSeconds")} at its beginning); alone the copy takes {Milli(capture, "copySeconds")} ms, "
                    + $"making the buffer {Milli(capture, "bufferSeconds")} ms"
            );
        }

        foreach (var weights in Of("weights"))
        {
            Write(
                $"initial weights: {Count(Number(weights, "numbers"))} drawn on the device in {Milli(weights, "seconds")} ms; "
                    + $"{Count(Number(weights, "comparedNumbers"))} of them drawn on the host too, in {Milli(weights, "hostSeconds")} "
                    + $"ms: {((bool?)weights["equal"] == true ? "the same bytes" : "NOT THE SAME BYTES")}"
            );
        }

        var hashes = Of("hash").Concat(Of("resume")).Select(line => (string?)line["sha256"]).ToList();
        var same = hashes.Count == 3 && hashes.Distinct().Count() == 1;
        Write(
            "hashes of three steps, twice and after a kill: "
                + $"{(hashes.Count < 3 ? $"only {hashes.Count} of 3 were computed" : same ? "equal" : "NOT EQUAL")} "
                + $"{string.Join(' ', hashes.Select(hash => hash?[..12]))}"
        );
        foreach (var workers in Of("workers"))
        {
            var known = string.Join(' ', workers["sha256"]!.AsArray().Select(hash => ((string?)hash)?[..12]));
            var shares = string.Join(", ", workers["workOfBusiest"]!.AsArray().Select(share => Percent((double)share!)));
            Write(
                $"hashes of three steps by 1, 2 and 4 workers that divide the update ({Name(workers)}): "
                    + $"{((bool?)workers["equal"] == true ? "equal" : "NOT EQUAL")} {known}; the busiest has {shares} of the work"
            );
        }

        foreach (var gradients in Of("gradients"))
        {
            Write(
                $"bfloat16 against float32: gradient {Number(gradients, "relativeError"):0.0e+0} apart, loss "
                    + $"{Number(gradients, "lossError"):0.0e+0}"
            );
        }

        var bits = Of("kernels").ToList();
        foreach (var kernels in bits)
        {
            Write(
                kernels["why"] is { } why
                    ? $"kernels of our own: not measured ({(string?)why})"
                    : $"kernels of our own: bits {((bool?)kernels["repeated"] == true ? "the same twice" : "NOT THE SAME TWICE")}, "
                        + $"{((bool?)kernels["asProcessor"] == true ? "and a processor's" : "NOT A PROCESSOR'S")}"
            );
        }

        foreach (var kernel in Of("kernel"))
        {
            Write(
                $"  {Name(kernel), -36} {Milli(kernel, "seconds"), 8} ms, composed {Milli(kernel, "composedSeconds"), 8} ms "
                    + $"({Ratio(Number(kernel, "composedSeconds") / Number(kernel, "seconds"))}x); "
                    + $"{Bytes(Number(kernel, "bytesPerSecond"))}/s, {Percent(Number(kernel, "bytesPerSecond") / copy)} of a copy; "
                    + $"{Number(kernel, "relativeError"):0.0e+0} apart"
            );
        }

        foreach (var step in Of("kernel-step"))
        {
            var composed = Of("step").FirstOrDefault(line => Name(line) == Name(step));
            var ratio = Number(step, "tokensPerSecond") / Number(composed, "tokensPerSecond");
            Write($"{Name(step)}, composed: {Step(composed)}");
            Write($"{Name(step)}, kernels:  {Step(step)}; {Ratio(ratio)} of composed");
        }

        var kernelHashes = Of("kernel-hash").Select(line => (string?)line["sha256"]).ToList();
        if (kernelHashes.Count > 0)
        {
            Write(
                "hashes of three steps by kernels, twice: "
                    + (
                        kernelHashes.Count < 2 ? "only one was computed"
                        : kernelHashes.Distinct().Count() == 1 ? "equal"
                        : "NOT EQUAL"
                    )
                    + $" {string.Join(' ', kernelHashes.Select(hash => hash?[..12]))}"
            );
        }

        foreach (var library in Of("transformers"))
        {
            var faults = library["faults"]!.AsArray().Select(fault => (string?)fault).ToList();
            Write(
                $"transformers {Name(library)}: {Count(Number(library, "models"))} exported models, logits at most "
                    + $"{Number(library, "largestError"):0.0e+0} apart; {(faults.Count == 0 ? "no fault" : string.Join("; ", faults))}"
            );
        }

        foreach (var cut in Of("cut"))
        {
            Write($"not measured: {Name(cut)} ({(string?)cut["why"]})");
        }

        return
            same
            && kernelHashes.Distinct().Count() <= 1
            && Of("transformers").All(library => library["faults"]!.AsArray().Count == 0)
            && Of("workers").All(workers => (bool?)workers["equal"] == true)
            && Of("weights").All(weights => (bool?)weights["equal"] == true)
            && bits.All(kernels =>
                kernels["why"] is not null || ((bool?)kernels["repeated"] == true && (bool?)kernels["asProcessor"] == true)
            )
            ? 0
            : 1;

        string Step(JsonObject? step) =>
            $"{Count(Number(step, "tokensPerSecond"))} tokens/s, {Milli(step, "secondsPerMicroBatch")} ms/micro, "
            + $"{Milli(step, "secondsBeside")} ms beside, {Count(Number(step, "launchesPerMicroBatch"))} launches, peak "
            + $"{Bytes(Number(step, "peakBytes"))}";

        IEnumerable<JsonObject> Of(string part) => lines.Where(line => (string?)line["part"] == part);
    }

    private static string Name(JsonObject line) => (string)line["name"]!;

    private static double? Number(JsonObject? line, string field) =>
        line?[field] is JsonValue value && value.GetValueKind() == JsonValueKind.Number ? value.Deserialize<double>() : null;

    private static string Count(double? number) => number?.ToString("#,0", CultureInfo.InvariantCulture) ?? "-";

    private static string Ratio(double? number) => number?.ToString("0.00", CultureInfo.InvariantCulture) ?? "-";

    private static string Flops(double? number) =>
        number is { } flops ? string.Create(CultureInfo.InvariantCulture, $"{flops / 1e12:0.###} T") : "-";

    private static string Percent(double? share) => share is { } known ? Human.Percent(known) : "-";

    private static string Milli(JsonObject? line, string field) =>
        Number(line, field) is { } seconds ? (seconds * 1000).ToString("#,0.0", CultureInfo.InvariantCulture) : "-";

    private static string Bytes(double? number) => number is { } bytes ? Human.Bytes((long)bytes) : "-";

    private static void Write(string line) => Console.WriteLine(line);
}
