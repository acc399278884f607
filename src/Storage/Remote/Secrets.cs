using System.Text.RegularExpressions;

namespace Slowrun.Storage.Remote;

/// <summary>Takes credentials out of text that people will see.</summary>
internal static partial class Secrets
{
    public static string Redacted(string text) => Credential().Replace(text, "${name}=REDACTED");

    // The signature of a SAS, alone or in a query, and the two keys of a connection string.
    [GeneratedRegex(@"\b(?<name>sig|AccountKey|SharedAccessSignature)=[^;&\s'""]+", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex Credential();
}
