using System.Globalization;
using System.Text;
using Slowrun.Core;
using Slowrun.Core.Models;
using Slowrun.Core.Plan;
using Slowrun.Core.Specs;
using Slowrun.Core.Tokens;

namespace Slowrun.Client.Results.Transformers;

/// <summary>The README.md beside exported weights: what they are, of which data and by which recipe. It has no time or place.</summary>
internal sealed class ModelCard
{
    private readonly RunFacts facts;
    private readonly string title;
    private readonly string what;
    private readonly IReadOnlyList<StageId> stages;
    private readonly IReadOnlyList<string> losses;

    private ModelCard(RunFacts facts, string title, string what, IReadOnlyList<StageId> stages, IReadOnlyList<string> losses) =>
        (this.facts, this.title, this.what, this.stages, this.losses) = (facts, title, what, stages, losses);

    public static ModelCard OfStage(RunFacts facts, StageId stage)
    {
        var selection = facts.Plan[stage].Stage.Selection;
        var models = selection.LateCheckpoints;
        var what =
            models == 1 ? "One model"
            : selection.LateByRecency == true ? $"The mean of the predictions of its last {models} models, of which the later count more"
            : $"The mean of the predictions of its last {models} models";
        return new ModelCard(facts, $"{facts.Spec.Name}, {stage}", what, [stage], [LossOf(facts, stage, null)]);
    }

    /// <param name="report">Null: its loss is not known.</param>
    public static ModelCard OfEnsemble(RunFacts facts, ChosenMixture mixture, EnsembleReport? report)
    {
        var members = mixture.Mixed.ToList();
        var rows = members.Select(member => LossOf(facts, member.Stage, mixture.ShareOf(member)));
        return new ModelCard(
            facts,
            facts.Spec.Name,
            $"An ensemble of {members.Count} members: the weighted mean of their {mixture.Average.ToString().ToLowerInvariant()}",
            [.. members.Select(member => member.Stage)],
            [.. rows, .. report is null ? [] : new[] { Row("all together", "1", report.LossNats, report.BitsPerByte) }]
        );
    }

    public string Text(DataManifest data)
    {
        var recipe = facts.Spec.Recipe;
        var positions = recipe.Model.SequenceLength;
        var text = new StringBuilder();
        text.Append(
            CultureInfo.InvariantCulture,
            $"""
            ---
            library_name: transformers
            pipeline_tag: text-generation
            tags:
            - slowrun
            ---
            # {title}
            {what}. {ParameterTable.Count(recipe.Model):N0} parameters a model, trained by Slowrun.

            ## Use
            ```python
            from transformers import AutoModelForCausalLM, AutoTokenizer

            folder = "."  # this folder, or a repository's name
            tokenizer = AutoTokenizer.from_pretrained(folder)
            model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True).eval()
            inputs = tokenizer(tokenizer.bos_token + "The ", return_tensors="pt")
            print(tokenizer.decode(model.generate(**inputs, max_new_tokens=40, do_sample=True)[0]))
            ```
            In training every document begins with `<|endoftext|>`. The model has {positions} positions, no padding and no key-value cache.

            ## Losses
            | on the validation set | weight | nats/token | bits/byte |
            |---|---|---|---|
            {string.Join("\n", losses)}

            ## Data
            {data.Source}

            | set | tokens | SHA-256 |
            |---|---|---|
            {string.Join("\n", Sets(data))}

            Tokenizer `{data.Tokenizer}`; SHA-256 of the data's manifest `{recipe.Data.Sha256}`.

            ## Lineage
            | stage | seed | taught by | goes on from | snapshot's SHA-256 |
            |---|---|---|---|---|
            {string.Join("\n", Ancestry().Select(Lineage))}

            ## Recipe
            SHA-256 of the recipe `{CanonicalJson.Sha256(recipe)}`; operations change no byte.
            ```yaml
            {SpecWriter.Yaml(facts.Spec).TrimEnd('\n')}
            ```

            """
        );
        return text.Replace("\r\n", "\n").ToString();
    }

    private static string LossOf(RunFacts facts, StageId stage, double? weight) =>
        Row(
            stage.ToString(),
            weight?.ToString("0.####", CultureInfo.InvariantCulture) ?? "",
            facts.ScoreOf(stage)?.LossNats,
            facts.ScoreOf(stage)?.BitsPerByte
        );

    private static string Row(string who, string weight, double? nats, double? bits) =>
        string.Create(CultureInfo.InvariantCulture, $"| {who} | {weight} | {nats:0.0000} | {bits:0.0000} |");

    private static IEnumerable<string> Sets(DataManifest data) =>
        from set in new[] { ("training", data.Train), ("fitness", data.Fitness), ("validation", data.Validation) }
        where set.Item2 is not null
        select string.Create(CultureInfo.InvariantCulture, $"| {set.Item1} | {set.Item2.Tokens:N0} | `{set.Item2.Sha256}` |");

    /// <summary>The stages themselves and all that taught them or that they went on from, in the plan's order.</summary>
    private IEnumerable<StagePlan> Ancestry()
    {
        var found = new HashSet<StageId>();
        var open = new Stack<StageId>(stages);
        while (open.TryPop(out var stage))
        {
            if (found.Add(stage))
            {
                var plan = facts.Plan[stage];
                plan.TeacherStages.Concat(new[] { plan.Predecessor }.OfType<StageId>()).ToList().ForEach(open.Push);
            }
        }

        return facts.Plan.Stages.Where(plan => found.Contains(plan.Id));
    }

    private string Lineage(StagePlan plan)
    {
        var root = facts.RootOf(plan.Id);
        var teacher =
            plan.Teacher is { } stage ? $"{stage} `{root.Identity?.TeacherSha256}`"
            : plan.EarlierTeachers is { Count: > 0 } all
                ? string.Create(CultureInfo.InvariantCulture, $"the mean of the {all.Count} before it `{root.Identity?.TeacherSha256}`")
            : plan.TeacherEnsemble is { } ensemble ? $"the ensemble of run {ensemble.Run} `{ensemble.ContentSha256()}`"
            : "";
        var before =
            plan.ImportedSha256 is not null ? "weights that were imported"
            : plan.Predecessor is { } of ? $"{of} `{root.Identity?.PredecessorSha256}`"
            : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"| {plan.Id} | {plan.Seed} | {teacher} | {before} | `{root.Snapshot?.Sha256}` |"
        );
    }
}
