using System.Text;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;

namespace Slowrun.Grains.Runs;

/// <summary>
/// Gives each silo only what has changed of a run since its last answer: of hundreds of stages a few roots change a second. Holds what was
/// read, with the version of each change.
/// </summary>
/// <param name="silo">The reader's.</param>
internal sealed class NewsDesk(string silo)
{
    /// <summary>This activation of the run grain.</summary>
    public string Reader { get; } = Guid.NewGuid().ToString("N");
    private readonly Dated<StageId, StageRoot> roots = new(
        (one, other) => one.WriteId == other.WriteId && one.Revision == other.Revision && one.EpochToken == other.EpochToken
    );
    private readonly Dated<string, MemberScore> scores = new(EqualityComparer<MemberScore>.Default.Equals);
    private readonly Dated<string, MemberScore> fitness = new(EqualityComparer<MemberScore>.Default.Equals);

    // One that is computed again has the same bits, or the recipe allows both.
    private readonly Dated<string, EnsembleScore> ensembles = new((_, _) => true);
    private RunFacts? last;
    private (string Text, long At) orders = ("", 0);
    private (string Text, long At) failures = ("", 0);
    private (string Text, long At) damage = ("", 0);
    private long version;

    /// <summary>Two scores of the same key are one, which was computed again.</summary>
    public static string KeyOf(MemberScore score) => $"{score.SnapshotSha256} {score.SetSha256} {score.Rows} {score.NumericsFingerprint}";

    /// <inheritdoc cref="KeyOf(MemberScore)"/>
    public static string KeyOf(EnsembleScore ensemble) => string.Join(' ', ensemble.Members);

    /// <summary>Takes what was read.</summary>
    public void Take(RunFacts facts)
    {
        if (ReferenceEquals(facts, last))
        {
            return;
        }

        var next = version + 1;
        var changed = roots.Take(facts.Roots.Select(pair => (pair.Key, pair.Value)), next);
        changed |= scores.Take(facts.Scores.Select(score => (KeyOf(score), score)), next);
        changed |= fitness.Take(facts.FitnessScores.Select(score => (KeyOf(score), score)), next);
        changed |= ensembles.Take(facts.Ensembles.Select(ensemble => (KeyOf(ensemble), ensemble)), next);
        changed |= Take(ref orders, CanonicalJson.Sha256(Orders(facts)), next);
        changed |= Take(ref failures, CanonicalJson.Sha256(facts.Judging), next);
        changed |= Take(ref damage, CanonicalJson.Sha256(facts.Damage), next);
        last = facts;
        version = changed ? next : version;
    }

    /// <param name="has">The version of the silo's last answer.</param>
    public RunNews Since(NewsVersion? has)
    {
        var facts = last ?? throw new InvalidOperationException("Nothing was taken yet.");
        var since = has?.Reader == Reader ? has.Number : 0;
        var gone = scores.IsGoneSince(since) || fitness.IsGoneSince(since) || ensembles.IsGoneSince(since);
        var judged = gone ? 0 : since;
        var judging = new JudgingNews(scores.Since(judged), fitness.Since(judged), ensembles.Since(judged), facts.Judging)
        {
            IsWhole = judged == 0,
        };
        return new RunNews(new NewsVersion(Reader, version), silo)
        {
            IsWhole = since == 0,
            Orders = orders.At > since ? Orders(facts) : null,
            Roots = roots.EntriesSince(since),
            RootsGone = roots.GoneSince(since),
            Judging =
                gone
                || since == 0
                || failures.At > since
                || judging.Scores.Count + judging.FitnessScores.Count + judging.Ensembles.Count > 0
                    ? judging
                    : null,
            Damage = damage.At > since ? facts.Damage : null,
        };
    }

    private static OrdersNews Orders(RunFacts facts) =>
        new(Encoding.UTF8.GetString(CanonicalJson.Serialize(facts.Spec)), facts.Intent, facts.SubmittedAt);

    private static bool Take(ref (string Text, long At) kept, string text, long at)
    {
        if (kept.Text == text)
        {
            return false;
        }

        kept = (text, at);
        return true;
    }

    /// <summary>Values by key, with the version since which each is so, or is gone.</summary>
    private sealed class Dated<TKey, T>(Func<T, T, bool> same)
        where TKey : notnull
        where T : class
    {
        private readonly Dictionary<TKey, (T? Value, long At)> entries = [];

        public bool Take(IEnumerable<(TKey Key, T Value)> all, long at)
        {
            var changed = false;
            var there = new HashSet<TKey>();
            foreach (var (key, value) in all)
            {
                there.Add(key);
                if (!entries.TryGetValue(key, out var old) || old.Value is null || !same(old.Value, value))
                {
                    entries[key] = (value, at);
                    changed = true;
                }
            }

            foreach (
                var key in entries
                    .Where(entry => entry.Value.Value is not null && !there.Contains(entry.Key))
                    .Select(entry => entry.Key)
                    .ToList()
            )
            {
                entries[key] = (null, at);
                changed = true;
            }

            return changed;
        }

        public bool IsGoneSince(long since) => entries.Values.Any(entry => entry.Value is null && entry.At > since);

        public IReadOnlyList<TKey> GoneSince(long since) =>
            [.. entries.Where(entry => entry.Value.Value is null && entry.Value.At > since).Select(entry => entry.Key)];

        public IReadOnlyList<T> Since(long since) =>
            [.. entries.Values.Where(entry => entry.At > since).Select(entry => entry.Value).OfType<T>()];

        public IReadOnlyDictionary<TKey, T> EntriesSince(long since) =>
            entries
                .Where(entry => entry.Value.Value is not null && entry.Value.At > since)
                .ToDictionary(entry => entry.Key, entry => entry.Value.Value!);
    }
}
