using Slowrun.Core.Plan;
using Slowrun.Core.Stages;

namespace Slowrun.Fleet.Chaos;

/// <summary>Follows the stages whose owners were disturbed, until they train again.</summary>
internal sealed class Losses
{
    private readonly List<Loss> all = [];

    /// <param name="number">Of the disturbance.</param>
    public void Add(int number, StageId stage, StageRoot owned, DateTimeOffset at) => all.Add(new Loss(number, stage, owned, at));

    /// <summary>Whether others own all that the disturbance took.</summary>
    public bool AreTaken(int number, RunFacts facts) =>
        all.Where(loss => loss.Number == number).All(loss => facts.RootOf(loss.Stage).EpochToken > loss.Before.EpochToken);

    public void Follow(RunFacts facts) => all.ForEach(loss => loss.Follow(facts));

    /// <summary>The disturbance with what is known of its effects by now.</summary>
    public CarriedOut Of(CarriedOut one)
    {
        var mine = all.Where(loss => loss.Number == one.Number).ToList();
        return mine.Count == 0
            ? one
            : one with
            {
                RecoverySeconds = mine.All(loss => loss.Seconds is not null) ? mine.Max(loss => loss.Seconds) : null,
                LostSteps = mine.Sum(loss => loss.LostSteps ?? 0),
                Released = mine.All(loss => loss.Released == true),
            };
    }

    private sealed class Loss(int number, StageId stage, StageRoot before, DateTimeOffset at)
    {
        public int Number => number;

        public StageId Stage => stage;

        public StageRoot Before => before;

        /// <summary>Until the next training step of another take.</summary>
        public double? Seconds { get; private set; }

        public long? LostSteps { get; private set; }

        /// <summary>Whether the owner released it before another silo took it.</summary>
        public bool? Released { get; private set; }

        public void Follow(RunFacts facts)
        {
            var root = facts.RootOf(stage);
            var taken = root.EpochToken > before.EpochToken;
            if (LostSteps is null && (taken || root.Owner is null))
            {
                LostSteps = root.LostSteps - before.LostSteps;
                Released = !taken || root.Preemptions == before.Preemptions;
            }

            if (
                Seconds is null
                && facts.Progress.GetValueOrDefault(stage) is { FirstStepAt: { } first } progress
                && progress.EpochToken > before.EpochToken
            )
            {
                Seconds = (first - at).TotalSeconds;
            }
        }
    }
}
