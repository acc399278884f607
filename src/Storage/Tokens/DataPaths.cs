namespace Slowrun.Storage.Tokens;

/// <summary>Where data lies in the store, by its hash.</summary>
public static class DataPaths
{
    public const string Folder = "data/";

    public static string Of(string sha256) => Folder + sha256;
}
