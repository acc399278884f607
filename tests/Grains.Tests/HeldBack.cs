using Slowrun.Storage;
using Slowrun.Storage.Tests;

namespace Slowrun.Grains.Tests;

/// <summary>Writes of some objects wait until they are released, or this is disposed.</summary>
internal sealed class HeldBack(IObjectStore inner, Func<string, bool> which) : DelegatingStore(inner), IDisposable
{
    private readonly TaskCompletionSource released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool Holds { get; set; }

    public void Release() => released.TrySetResult();

    public void Dispose() => Release();

    protected override async Task<T> AroundAsync<T>(Operation operation, Func<Task<T>> run)
    {
        if (Holds && operation.Kind is "write" or "create" or "replace" && which(operation.Name))
        {
            await released.Task;
        }

        return await run();
    }
}
