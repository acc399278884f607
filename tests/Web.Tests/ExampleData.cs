using Slowrun.Core.Tokens;
using Slowrun.Storage;
using Slowrun.Storage.Tokens;

namespace Slowrun.Web.Tests;

/// <summary>Prepared data, as a run may be submitted on them.</summary>
internal static class ExampleData
{
    /// <returns>Their hash.</returns>
    public static Task<string> UploadAsync(IObjectStore store, int trainTokens, CancellationToken stop) =>
        new DataUpload(store).UploadAsync("bytes", Tokens(trainTokens), Tokens(2048), Tokens(5000), "letters", null, stop);

    private static ArrayTokenSet Tokens(int count) =>
        new([256, .. Enumerable.Range(0, count - 1).Select(i => (ushort)(97 + (i % 26)))], [0], [.. Enumerable.Repeat(1, 256), 0]);
}
