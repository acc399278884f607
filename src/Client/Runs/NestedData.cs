using Slowrun.Client.Cli;
using Slowrun.Core;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Tokens;
using Slowrun.Data.Corpus;
using Slowrun.Data.Preparation;
using Slowrun.Storage;
using Slowrun.Storage.Tokens;

namespace Slowrun.Client.Runs;

/// <summary>
/// The data of a run's baselines: training sets of which the run's is the beginning, of one longer text, with the run's own fitness and
/// validation sets.
/// </summary>
internal sealed class NestedData
{
    private const string SdkDocs = "sdk-docs";

    private readonly DataRecipe own;
    private readonly DataManifest manifest;
    private readonly TokenSet longest;
    private readonly TokenSet? fitness;
    private readonly TokenSet validation;

    private NestedData(DataRecipe own, DataManifest manifest, TokenSet longest, TokenSet? fitness, TokenSet validation) =>
        (this.own, this.manifest, this.longest, this.fitness, this.validation) = (own, manifest, longest, fitness, validation);

    /// <summary>Training tokens that there are.</summary>
    public long AvailableTokens => longest.Length;

    /// <param name="given">A longer text of which the run's is the beginning; nothing: what the run's recipe names.</param>
    /// <exception cref="InvalidRequestException">It is no continuation of the run's text, or has other held-out text.</exception>
    /// <exception cref="CorpusException">There is no text on this machine.</exception>
    public static async Task<NestedData> OpenAsync(IObjectStore store, RunFacts run, GivenData given, CancellationToken stop)
    {
        var own = run.Spec.Recipe.Data;
        var stored = new StoredTokenSets(store);
        var manifest = await stored.ReadManifestAsync(own.Sha256!, stop);
        var train = await stored.ReadAsync(manifest, manifest.Train, stop);
        var fitness = manifest.Fitness is { } kept ? await stored.ReadAsync(manifest, kept, stop) : null;
        var validation = await stored.ReadAsync(manifest, manifest.Validation!, stop);
        var (longest, heldOut, what) = given switch
        {
            { Prepared: { } name } => await PreparedAsync(name, store, manifest, stop),
            { TextFiles.Count: > 0 } => await TextAsync(() => NestedText.FromText(given.TextFiles), own, "the text of --text", stop),
            _ when own.Source == SdkDocs => await TextAsync(NestedText.FromSdkDocs, own, "this SDK's documentation", stop),
            _ => (train, validation, "its own text"),
        };
        if (!IsBeginning(train, longest) || heldOut.Length != validation.Length || !IsBeginning(heldOut, validation))
        {
            throw new InvalidRequestException(
                $"Run '{run.Spec.Name}' was not trained on the beginning of {what}, or is judged on other text: baselines on it could not be compared. "
                    + "Give the longer text that the run's is the beginning of: --text FILE as for the run, or --data DIR, prepared of the same input with a larger --train-tokens."
            );
        }

        return new NestedData(own, manifest, longest, fitness, validation);
    }

    /// <summary>Puts the first tokens into a store as a data set of their own.</summary>
    /// <returns>What a recipe says of it.</returns>
    public async Task<DataRecipe> UploadAsync(IObjectStore store, long tokens, CancellationToken stop) =>
        tokens == manifest.Train.Tokens
            ? own
            : own with
            {
                TrainTokens = tokens,
                Sha256 = await new DataUpload(store).UploadAsync(
                    manifest.Tokenizer,
                    Beginning(longest, tokens),
                    fitness,
                    validation,
                    FormattableString.Invariant($"the first {tokens} training tokens of: {manifest.Source}"),
                    null,
                    stop
                ),
            };

    private static async Task<(TokenSet Train, TokenSet Validation, string What)> PreparedAsync(
        string name,
        IObjectStore store,
        DataManifest manifest,
        CancellationToken stop
    )
    {
        var data = await NamedData.OpenAsync(name, () => Task.FromResult(store), stop);
        if (data.Manifest.Tokenizer != manifest.Tokenizer || data.Manifest.Validation is not { } validation)
        {
            throw new InvalidRequestException(
                $"The data '{name}' is in tokens of '{data.Manifest.Tokenizer}'{(data.Manifest.Validation is null ? " without a validation set" : "")}, the run's in tokens of '{manifest.Tokenizer}'. Prepare the longer text as the run's."
            );
        }

        return (await data.ReadAsync(data.Manifest.Train, stop), await data.ReadAsync(validation, stop), $"'{name}'");
    }

    private static Task<(TokenSet Train, TokenSet Validation, string What)> TextAsync(
        Func<NestedText> read,
        DataRecipe own,
        string what,
        CancellationToken stop
    ) =>
        Task.Run<(TokenSet, TokenSet, string)>(
            () =>
            {
                var text = read();
                var all = text.Take(own with { TrainTokens = text.TrainTokens });
                return (all.Train, all.Validation, what);
            },
            stop
        );

    private static bool IsBeginning(TokenSet beginning, TokenSet all)
    {
        if (beginning.Length > all.Length)
        {
            return false;
        }

        var (some, same) = (new int[1 << 16], new int[1 << 16]);
        for (long at = 0; at < beginning.Length; at += some.Length)
        {
            var length = (int)Math.Min(some.Length, beginning.Length - at);
            beginning.Read(at, some.AsSpan(0, length));
            all.Read(at, same.AsSpan(0, length));
            if (!some.AsSpan(0, length).SequenceEqual(same.AsSpan(0, length)))
            {
                return false;
            }
        }

        return true;
    }

    private static ArrayTokenSet Beginning(TokenSet set, long tokens)
    {
        var ids = new int[tokens];
        set.Read(0, ids);
        return new ArrayTokenSet(
            Array.ConvertAll(ids, id => (ushort)id),
            [.. set.DocumentStarts.TakeWhile(start => start < tokens)],
            set.TokenBytes
        );
    }
}
