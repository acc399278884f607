namespace Slowrun.Core.Stages;

/// <summary>What the user wants of a run now: the document at <c>runs/NAME/intent</c>, which clients replace and grains obey.</summary>
public sealed record RunIntent : ExtensibleRecord
{
    public DesiredState Run { get; init; } = DesiredState.Running;

    /// <summary>Desired states of single stages, by id; they win over <see cref="Run"/> unless that is Cancelled.</summary>
    public IReadOnlyDictionary<string, DesiredState> Stages { get; init; } = new Dictionary<string, DesiredState>();

    /// <summary>How often a retry of each failed stage was asked for.</summary>
    public IReadOnlyDictionary<string, int> Retries { get; init; } = new Dictionary<string, int>();

    /// <summary>How often each stage was allowed to go on with another device's arithmetic; its bytes then depend on the step at which it
    /// did.</summary>
    public IReadOnlyDictionary<string, int> Adoptions { get; init; } = new Dictionary<string, int>();

    /// <summary>Used where the intent is lost: a cancelled run must not train, and a running one loses nothing by waiting.</summary>
    public static RunIntent Held { get; } = new() { Run = DesiredState.Paused };

    /// <summary>This intent with another desired state of the whole run, or of one stage.</summary>
    public RunIntent With(DesiredState state, string? stage) =>
        stage is not null
            ? this with
            {
                Stages = new Dictionary<string, DesiredState>(Stages) { [stage] = state },
            }
            // A state of the whole run applies to every stage, and replaces those of single stages.
            : this with
            {
                Run = state,
                Stages = new Dictionary<string, DesiredState>(),
            };

    public DesiredState Of(string stage) =>
        Run == DesiredState.Cancelled ? Run
        : Stages.TryGetValue(stage, out var state) ? state
        : Run;

    public bool Equals(RunIntent? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

public enum DesiredState
{
    Running,
    Paused,
    Cancelled,
}
