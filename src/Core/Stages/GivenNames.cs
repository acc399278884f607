namespace Slowrun.Core.Stages;

/// <summary>
/// What runs are called besides the names that they were submitted with: the document at <c>names/given</c>. One document for all, so that
/// no two runs get one name, and a run that gets another one never has two.
/// </summary>
public sealed record GivenNames : ExtensibleRecord
{
    /// <summary>A run for people: what it is called, and its name where that is another one.</summary>
    /// <param name="givenName">Null: the run was given none.</param>
    public static string Title(string name, string? givenName) => givenName is null ? name : $"{givenName} ({name})";

    /// <summary>The run of each given name.</summary>
    public IReadOnlyDictionary<string, string> Runs { get; init; } = new Dictionary<string, string>();

    /// <summary>What the run is called; null: it was given no name.</summary>
    public string? Of(string run) => Runs.FirstOrDefault(pair => pair.Value == run).Key;

    /// <summary>Those that count beside the runs' own names: a name that a run has is that run's.</summary>
    public GivenNames Besides(IReadOnlyCollection<string> runs) =>
        this with
        {
            Runs = new Dictionary<string, string>(Runs.Where(pair => !runs.Contains(pair.Key))),
        };

    /// <summary>The same with another name for one run, or with none.</summary>
    public GivenNames With(string run, string? name) =>
        this with
        {
            Runs = new Dictionary<string, string>(
                [
                    .. Runs.Where(pair => pair.Value != run && pair.Key != name),
                    .. name is null ? Array.Empty<KeyValuePair<string, string>>() : [KeyValuePair.Create(name, run)],
                ]
            ),
        };

    public bool Equals(GivenNames? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
