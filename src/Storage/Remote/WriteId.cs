using System.Security.Cryptography;

namespace Slowrun.Storage.Remote;

/// <summary>A random id of each write, in the metadata of what it wrote: whose answer was lost knows its own by it.</summary>
internal static class WriteId
{
    /// <summary>In the metadata of an object.</summary>
    public const string Key = "slowrun-write";

    public static string New() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12));
}
