namespace Slowrun.Clustering.Persistence;

/// <summary>Where the state of a grain lies in the store.</summary>
public static class GrainObjectNames
{
    /// <summary>
    /// A stage's state <c>root</c> is <c>runs/RUN/chain0/stage1/root</c>, the document that everybody reads; any other grain's is
    /// <c>grains/TYPE/KEY/STATE</c>.
    /// </summary>
    public static string Default(string stateName, GrainId grain) => grain.Type.ToString() == "stage"
        ? $"runs/{grain.Key}/{stateName}"
        : $"grains/{grain.Type}/{grain.Key}/{stateName}";
}
