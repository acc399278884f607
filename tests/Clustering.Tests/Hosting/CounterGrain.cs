namespace Slowrun.Clustering.Tests.Hosting;

/// <summary>A grain with state, of the stage grain's type: its state is the document of a stage's root.</summary>
[Alias("ICounterGrain")]
public interface ICounterGrain : IGrainWithStringKey
{
    [Alias("Add")]
    Task<int> Add(int amount);

    [Alias("Where")]
    Task<string> Where();
}

[GrainType("stage")]
internal sealed class CounterGrain([PersistentState("root", "stages")] IPersistentState<CounterState> state, ILocalSiloDetails silo)
    : Grain,
        ICounterGrain
{
    public async Task<int> Add(int amount)
    {
        state.State.Value += amount;
        await state.WriteStateAsync();
        return state.State.Value;
    }

    public Task<string> Where() => Task.FromResult(silo.Name);
}

[GenerateSerializer]
[Alias("CounterState")]
public sealed record CounterState
{
    [Id(0)]
    public int Value { get; set; }
}
