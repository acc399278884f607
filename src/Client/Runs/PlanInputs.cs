using System.CommandLine;
using System.Globalization;
using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Explain;
using Slowrun.Core.Simulation;
using Slowrun.Core.Specs;

namespace Slowrun.Client.Runs;

/// <summary>Gathers what a plan rests on, and keeps of each number where it is from and how it is changed.</summary>
/// <param name="measured">Of the run that was named; null: none was.</param>
/// <param name="measuredRun">Its name.</param>
internal sealed class PlanInputs(
    PlanOptions options,
    ParseResult parsed,
    RunExplanation explained,
    MeasuredRun? measured,
    string? measuredRun
)
{
    // From pinned memory, computed: docs/gpu.md.
    private const double CopyBytesPerSecond = 25e9;

    private static readonly string[] Shares = ["announced", "scaling"];
    private static readonly string[] Times = ["detection", "take", "restore", "stall", "commit", "average", "replaced"];

    private readonly List<PlanInput> named = [];
    private readonly Dictionary<string, double> assumed = Assumed(parsed.GetValue(options.Assume) ?? []);

    public IReadOnlyList<PlanInput> Named => named;

    /// <summary>Machines of this size, at the spot price or at the list price.</summary>
    public PlannedFleet On(MachineSize size, bool onDemand)
    {
        named.Clear();
        var chains = explained.ParallelStages;
        var fleet = parsed.GetValue(options.Fleet) ?? Math.Max(1, (chains + size.Devices - 1) / size.Devices);
        Name("machines", Number(fleet), parsed.GetValue(options.Fleet) is null ? "default: one slot a chain" : "flag", "--fleet");
        Name("size", size.Name, parsed.GetValue(options.Size) is null ? "default" : "flag", "--size, --machines FILE");
        Name("slots of a machine", Number(size.Devices), "its devices", "--machines FILE");
        if (size.Devices > 1)
        {
            var stages = parsed.GetValue(options.Stages);
            Name(
                "stages of a machine at a time",
                stages is { } most ? Number(most) : "as many as are ready",
                stages is null ? "default of silos" : "flag",
                "--stages-per-machine (silo --stages)"
            );
        }

        Name("market", onDemand ? "on-demand" : "spot", parsed.GetValue(options.OnDemand) ? "flag" : "default", "--on-demand");
        // A price is given for the market that was asked for; the other one keeps the file's.
        var price = onDemand == parsed.GetValue(options.OnDemand) ? parsed.GetValue(options.Price) : null;
        Name(
            "price of a machine in an hour (costs are in its currency)",
            (price ?? (onDemand ? size.OnDemandPrice : size.SpotPrice)).ToString("0.000", CultureInfo.InvariantCulture),
            price is not null ? "flag"
                : onDemand ? size.OnDemandFrom
                : size.SpotFrom,
            "--price, --machines FILE"
        );
        var evictions = onDemand ? 0 : parsed.GetValue(options.Evictions) ?? size.EvictionsPerHour;
        Name(
            "evictions of a machine in an hour",
            Number(evictions),
            onDemand ? "on-demand machines are not evicted"
                : parsed.GetValue(options.Evictions) is not null ? "flag"
                : size.EvictionsFrom,
            "--evictions-per-hour, --machines FILE"
        );
        var upload = ByteRate.TryParse(parsed.GetRequiredValue(options.Upload))!.Value;
        Name(
            "store's bandwidth",
            $"{Human.Bytes((long)upload)}/s",
            parsed.GetResult(options.Upload) is { Implicit: false } ? "flag" : "assumption",
            "--upload-rate"
        );
        return new PlannedFleet(
            size.Name,
            new FleetModel
            {
                Machines = fleet,
                Slots = size.Devices,
                StagesPerMachine = parsed.GetValue(options.Stages),
                Processors = size.Processors,
                PricePerHour = price ?? (onDemand ? size.OnDemandPrice : size.SpotPrice),
                EvictionsPerHour = evictions,
                NoticeSeconds = Time(
                    "notice",
                    options.Notice,
                    30,
                    "Azure announces up to 30 s ahead (learn.microsoft.com/azure/virtual-machines/spot-vms)"
                ),
                NoticeShare = Assumption("announced", "share of evictions that are announced", 1, null, "assumption"),
                BootSeconds = Time("boot", options.Boot, 300, "assumption: machine, archive, silo"),
                ReplacedAfterSeconds = Assumption(
                    "replaced",
                    "until the next machine is ordered, after an announcement",
                    30,
                    null,
                    "assumption: there is capacity"
                ),
                DetectionSeconds = Assumption(
                    "detection",
                    "until an unannounced loss is known",
                    5,
                    null,
                    "docs/chaos.md: silence, two witnesses"
                ),
                TakeSeconds = Assumption("take", "from ready to taken", 1, null, "assumption"),
                RestoreSeconds = Assumption(
                    "restore",
                    "restore, besides the download",
                    60,
                    measured?.RestoreSeconds,
                    "assumption: weights drawn, kernels loaded"
                ),
                UploadBytesPerSecond = upload,
                DownloadBytesPerSecond = upload,
                StallSeconds = Assumption(
                    "stall",
                    "training waits at a checkpoint",
                    explained.CheckpointBytes / CopyBytesPerSecond,
                    measured?.StallSeconds,
                    "checkpoint / 25 GB/s (docs/gpu.md, computed)"
                ),
                CommitSeconds = Assumption("commit", "commit, besides the upload", 0.5, measured?.CommitSeconds, "assumption"),
                AverageSeconds = Assumption("average", "averaging the members once", 30, null, "assumption"),
                ScalingPerDoubling = Assumption(
                    "scaling",
                    "speed with twice the slots, as a share of twice the speed",
                    0.9,
                    null,
                    "assumption"
                ),
                ExitWhenIdle = TimeSpan.FromSeconds(
                    Time("idle machines end after", options.ExitWhenIdle, 600, "infra/: exitWhenIdle", "--exit-when-idle")
                ),
            },
            Rate(size),
            onDemand
        );
    }

    /// <summary>What the store takes: by the file of machines, or by the one that comes with the program.</summary>
    public double StorePrice(PriceList prices)
    {
        var listed = prices.Store ?? MachineFile.Embedded.Store!;
        var given = parsed.GetValue(options.StorePrice);
        Name(
            "price of a gigabyte in the store in a month",
            (given ?? listed.PerGigabyteMonth).ToString("0.0###", CultureInfo.InvariantCulture),
            given is null ? listed.From : "flag",
            "--store-price, --machines FILE"
        );
        return given ?? listed.PerGigabyteMonth;
    }

    private double Rate(MachineSize size)
    {
        if (measured is not null)
        {
            Name(
                "tokens a second of a slot",
                Human.Count(measured.TokensPerSecond),
                $"run {measuredRun}, of a stage with the slots that it had there",
                "--tokens-per-second"
            );
            return measured.FlopsPerSecond;
        }

        var flopsPerToken = explained.Flops / explained.Tokens;
        if (parsed.GetValue(options.Speed) is { } given)
        {
            var tokens = double.Parse(given, CultureInfo.InvariantCulture);
            Name("tokens a second of a slot", Human.Count(tokens), "flag", "--tokens-per-second");
            return tokens * flopsPerToken;
        }

        var share = parsed.GetValue(options.Utilization);
        var rate = share * size.PeakTeraflops * 1e12;
        Name(
            "tokens a second of a slot",
            Human.Count(rate / flopsPerToken),
            FormattableString.Invariant(
                $"ESTIMATE, not measured: {share:0.##} (--mfu) of {size.PeakTeraflops:0.#} TFLOP/s / {flopsPerToken:0.00e+0} operations a token (spec explain)"
            ),
            "--tokens-per-second N|run:NAME, --mfu, --machines FILE"
        );
        return rate;
    }

    private double Time(string name, Option<string?> option, double otherwise, string from, string? change = null)
    {
        var given = PlanOptions.Seconds(parsed, option);
        Name(name, Seconds(given ?? otherwise), given is null ? from : "flag", change ?? option.Name);
        return given ?? otherwise;
    }

    private double Assumption(string key, string what, double otherwise, double? fromRun, string from)
    {
        var isGiven = assumed.TryGetValue(key, out var given);
        var value = isGiven ? given : fromRun ?? otherwise;
        Name(
            what,
            Shares.Contains(key) ? Number(value) : Seconds(value),
            isGiven ? "flag"
                : fromRun is not null ? $"run {measuredRun}"
                : from,
            $"--assume {key}=…"
        );
        return value;
    }

    private void Name(string name, string value, string from, string change) => named.Add(new PlanInput(name, value, from, change));

    private static Dictionary<string, double> Assumed(IReadOnlyList<string> given)
    {
        var read = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var one in given)
        {
            var parts = one.Split('=', 2);
            var known = Shares.Concat(Times).ToList();
            if (parts.Length != 2 || !known.Contains(parts[0]))
            {
                throw new InvalidRequestException(
                    $"--assume: found '{one}', expected NAME=VALUE.{Nearest.Hint(parts[0], known)} Names are: {string.Join(", ", known)}."
                );
            }

            read[parts[0]] =
                Shares.Contains(parts[0]) ? Share(one, parts[1])
                : Duration.TryParse(parts[1], out var time) ? time.TotalSeconds
                : throw new InvalidRequestException($"--assume: found '{one}', expected a time such as {parts[0]}=30s.");
        }

        return read;
    }

    private static double Share(string given, string value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var share) && share is > 0 and <= 1
            ? share
            : throw new InvalidRequestException($"--assume: found '{given}', expected a share above 0 and up to 1, such as 0.9.");

    private static string Number(double number) => number.ToString("0.###", CultureInfo.InvariantCulture);

    private static string Seconds(double seconds) =>
        seconds < 60 ? seconds.ToString("0.### 's'", CultureInfo.InvariantCulture) : Human.Time(seconds);
}
