using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Specs;
using Slowrun.Core.Stages;
using Slowrun.Core.Status;
using Slowrun.Reading.Costs;
using Slowrun.Storage;
using Slowrun.Storage.Tokens;

namespace Slowrun.Reading.Runs;

/// <summary>Runs side by side: what came out, what it took, and where their recipes differ.</summary>
/// <param name="Runs">In the order in which they were asked for.</param>
/// <param name="Differences">Fields of the recipes that are not the same in all runs.</param>
public sealed record RunComparison(IReadOnlyList<ComparedRun> Runs, IReadOnlyList<RecipeDifference> Differences)
{
    private const string Root = "recipe";

    /// <summary>Whether the losses are of the same text, so that they may be held against each other: that of validation. What is trained
    /// on may differ.</summary>
    public bool SameData => Runs.Select(run => run.ValidationSha256 ?? run.DataSha256).Distinct().Count() == 1;

    /// <summary>Reads runs, all at the same time.</summary>
    /// <param name="names">Two or more.</param>
    /// <param name="price">Of their machines; null: not known.</param>
    /// <exception cref="NotFoundException">There is no such run.</exception>
    public static async Task<RunComparison> ReadAsync(
        RunReader reader,
        IReadOnlyList<string> names,
        MachinePrice? price,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(names);
        var read = await Task.WhenAll(
            names.Select(async name =>
            {
                var (facts, called) = (reader.FactsAsync(name, cancellationToken), reader.Naming.TryNameOfAsync(name, cancellationToken));
                return new RunReading(await facts, reader.StatusOf(await facts) with { GivenName = await called });
            })
        );
        return await OfAsync(reader.Store, read, price, cancellationToken);
    }

    /// <summary>Compares runs that were read.</summary>
    /// <param name="runs">One or more.</param>
    /// <param name="price">Of their machines; null: not known.</param>
    public static async Task<RunComparison> OfAsync(
        IObjectStore store,
        IReadOnlyList<RunReading> runs,
        MachinePrice? price,
        CancellationToken cancellationToken
    )
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(runs);
        var texts = await Task.WhenAll(runs.Select(run => ValidationAsync(store, run.Facts, cancellationToken)));
        return Of([.. runs.Select((run, i) => (run.Facts, run.Status, texts[i]))], price);
    }

    private static async Task<string?> ValidationAsync(IObjectStore store, RunFacts facts, CancellationToken cancellationToken)
    {
        try
        {
            return facts.Spec.Recipe.Data.Sha256 is { } sha256
                ? (await new StoredTokenSets(store).ReadManifestAsync(sha256, cancellationToken)).Validation?.Sha256
                : null;
        }
        catch (InvalidDataException)
        {
            // Missing or damaged: the data's own hash has to do.
            return null;
        }
    }

    private static RunComparison Of(IReadOnlyList<(RunFacts Facts, RunStatus Status, string? ValidationSha256)> runs, MachinePrice? price)
    {
        var first = runs[0].Facts.Spec.Recipe;
        var recipes = runs.Select(run => JsonSerializer.SerializeToNode(run.Facts.Spec.Recipe, CanonicalJson.StrictOptions)).ToList();
        var paths = runs.SelectMany(run => SpecDifferences.Between(first, run.Facts.Spec.Recipe, Root)).Select(one => one.Path).Distinct();
        return new RunComparison(
            [.. runs.Select(run => ComparedRun.Of(run.Facts, run.Status, run.ValidationSha256, price))],
            [.. paths.Select(path => new RecipeDifference(path, [.. recipes.Select(recipe => ValueAt(recipe, path)?.DeepClone())]))]
        );
    }

    /// <summary>What a recipe has at a path such as <c>recipe.chains[0].stages</c>; null: nothing.</summary>
    private static JsonNode? ValueAt(JsonNode? recipe, string path)
    {
        var node = recipe;
        foreach (var part in path[Root.Length..].Split('.', '['))
        {
            node =
                part.Length == 0 ? node
                : part[^1] == ']'
                    ? node is JsonArray array && int.Parse(part[..^1], CultureInfo.InvariantCulture) is var i && i < array.Count ? array[i]
                        : null
                : (node as JsonObject)?[part];
        }

        return node;
    }
}

/// <param name="Path">For example <c>recipe.stage.epochs</c>.</param>
/// <param name="Values">One a run; null: nothing.</param>
public sealed record RecipeDifference(string Path, IReadOnlyList<JsonNode?> Values);

/// <summary>One run of a comparison. Losses are means over the validation set, in nats per token; null: not known yet.</summary>
public sealed record ComparedRun
{
    public required string Name { get; init; }

    /// <summary>What the run is called since 'slowrun rename'; null: by its name alone.</summary>
    public string? GivenName { get; init; }

    /// <summary>As <see cref="RunStatus.Title"/>.</summary>
    [JsonIgnore]
    public string Title => GivenNames.Title(Name, GivenName);

    public required RunState State { get; init; }

    /// <summary>Of the data that it is trained and scored on; null: not made yet.</summary>
    public required string? DataSha256 { get; init; }

    /// <summary>Of the tokens that losses are measured on; null: not made yet, or it cannot be read.</summary>
    public required string? ValidationSha256 { get; init; }

    public required int Stages { get; init; }

    public required int StagesDone { get; init; }

    public required double? EnsembleLossNats { get; init; }

    public required double? EnsembleBitsPerByte { get; init; }

    /// <summary>Members that the ensemble averages.</summary>
    public required int? EnsembleMembers { get; init; }

    public required double? BestMemberLossNats { get; init; }

    public required StageId? BestMember { get; init; }

    /// <summary>The best of the chains of the role baseline.</summary>
    public required double? BaselineLossNats { get; init; }

    /// <summary>Tokens of all steps that count, passes over the same token counted each time.</summary>
    public required double TokensTrained { get; init; }

    /// <summary>Of all stages together, training that counts; for each stage its own time.</summary>
    public required double? TrainingSeconds { get; init; }

    /// <summary>A stage's mean: tokens trained by training time.</summary>
    public required double? TokensPerSecond { get; init; }

    /// <summary>From the submission to the end, or to now.</summary>
    public required double? WallSeconds { get; init; }

    public required double? Goodput { get; init; }

    public required int Preemptions { get; init; }

    public required long LostSteps { get; init; }

    public required RunCost Cost { get; init; }

    internal static ComparedRun Of(RunFacts facts, RunStatus status, string? validationSha256, MachinePrice? price)
    {
        var best = Best(status, ChainRole.Members);
        var tokens = facts.Plan.Stages.Sum(plan => (double)facts.RootOf(plan.Id).DurableStep * plan.TokensPerStep);
        var seconds = status.Ledger?.Chains.TrainingSeconds;
        return new ComparedRun
        {
            Name = status.Name,
            GivenName = status.GivenName,
            State = status.State,
            DataSha256 = facts.Spec.Recipe.Data.Sha256,
            ValidationSha256 = validationSha256,
            Stages = status.Stages.Count,
            StagesDone = status.Stages.Count(stage => stage.State == StageState.Done),
            EnsembleLossNats = status.Ensemble?.LossNats,
            EnsembleBitsPerByte = status.Ensemble?.BitsPerByte,
            EnsembleMembers = status.Ensemble?.Members,
            BestMemberLossNats = best?.ValLossNats,
            BestMember = best?.Id,
            BaselineLossNats = Best(status, ChainRole.Baseline)?.ValLossNats,
            TokensTrained = tokens,
            TrainingSeconds = seconds,
            TokensPerSecond = seconds > 0 ? tokens / seconds : null,
            WallSeconds = status.Ledger?.WallSeconds,
            Goodput = status.Ledger?.Goodput,
            Preemptions = status.Stages.Sum(stage => stage.Preemptions),
            LostSteps = status.Stages.Sum(stage => stage.LostSteps),
            Cost = RunCost.Of(status, facts.Plan, price),
        };
    }

    private static StageStatus? Best(RunStatus status, ChainRole role) =>
        status.Stages.Where(stage => stage.Role == role && stage.ValLossNats is not null).MinBy(stage => stage.ValLossNats);
}
