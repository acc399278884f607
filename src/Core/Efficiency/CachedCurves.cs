using Slowrun.Core.Recipes;

namespace Slowrun.Core.Efficiency;

/// <summary>
/// Baseline curves that <c>slowrun efficiency</c> measured once for a run of known bytes, and that come with the program: such a run has
/// its factors without training a baseline. They hold for the same recipe on the same data, and for nothing else.
/// </summary>
/// <param name="RecipeSha256">Of the run's recipe with its data.</param>
/// <param name="TrainTokens">D: of the run.</param>
public sealed record CachedCurves(string DataSha256, string RecipeSha256, long TrainTokens, IReadOnlyList<CachedCurve> Curves)
{
    private const string Extension = ".json";

    /// <summary>Those that come with the program.</summary>
    public static IReadOnlyList<CachedCurves> Embedded { get; } = [.. Names().Select(Read)];

    /// <returns>Null: none was measured of that recipe and data.</returns>
    public static CachedCurves? For(Recipe recipe, IEnumerable<CachedCurves> among)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(among);
        var sha256 = CanonicalJson.Sha256(recipe);
        return among.FirstOrDefault(one => one.DataSha256 == recipe.Data.Sha256 && one.RecipeSha256 == sha256);
    }

    /// <param name="lossNats">On the run's validation set.</param>
    public IEnumerable<(BaselineKind Kind, DataFactor Factor)> FactorsOf(double lossNats) =>
        Curves.Select(curve => (curve.Kind, BaselineCurve.FactorOf(lossNats, curve.Points, TrainTokens)));

    private static IEnumerable<string> Names() =>
        typeof(CachedCurves)
            .Assembly.GetManifestResourceNames()
            .Where(name =>
                name.StartsWith($"{typeof(CachedCurves).Namespace}.", StringComparison.Ordinal)
                && name.EndsWith(Extension, StringComparison.Ordinal)
            );

    private static CachedCurves Read(string name)
    {
        using var stream = typeof(CachedCurves).Assembly.GetManifestResourceStream(name)!;
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return CanonicalJson.DeserializeStrictly<CachedCurves>(bytes.ToArray(), name);
    }

    public bool Equals(CachedCurves? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}

/// <param name="Points">Ascending in tokens, one at least.</param>
public sealed record CachedCurve(BaselineKind Kind, IReadOnlyList<BaselinePoint> Points)
{
    public bool Equals(CachedCurve? other) => ContentEquality.Same(this, other);

    public override int GetHashCode() => ContentEquality.Hash(this);
}
