namespace Slowrun.Fleet.Chaos.Damages;

/// <summary>Where objects can be damaged: a store, or a machine's cache.</summary>
internal interface IDamagePlace
{
    /// <summary>What is there; null: nothing.</summary>
    Task<byte[]?> TryReadAsync(string name, CancellationToken stop);

    /// <summary>Puts bad bytes in an object's place, in the file that it is where it is one.</summary>
    /// <returns>False where the object has changed: putting the good bytes back later would roll it back.</returns>
    Task<bool> DamageAsync(DamagedObject damaged, CancellationToken stop);

    /// <summary>Puts the good bytes back as long as the bad ones are there.</summary>
    Task PutBackAsync(DamagedObject damaged, CancellationToken stop);
}
