using System.Text.RegularExpressions;
using Slowrun.Storage.Remote;

namespace Slowrun.Storage.Gcs;

/// <summary>An address <c>gs://BUCKET/PREFIX</c>.</summary>
/// <param name="Prefix">Before the names of objects, with the slash at its end; empty: the bucket is the store's alone.</param>
internal sealed partial record GcsAddress(string Bucket, string Prefix)
{
    public const string Scheme = "gs://";

    public override string ToString() => $"{Scheme}{Bucket}{(Prefix.Length > 0 ? "/" + Prefix.TrimEnd('/') : "")}";

    /// <exception cref="StoreException">Not such an address.</exception>
    public static GcsAddress Parse(string address)
    {
        var match = Form().Match(address);
        var segments = match.Groups["segment"].Captures;
        return match.Success && segments.All(segment => ObjectNames.IsSegment(segment.ValueSpan))
            ? new GcsAddress(match.Groups["bucket"].Value, string.Concat(segments.Select(segment => segment.Value + "/")))
            : throw new StoreException(
                StoreProblem.Unsuitable,
                $"'{Shown(address)}' is no address of a store on Google Cloud Storage: expected {Scheme}BUCKET/PREFIX, "
                    + "the bucket of 3 to 222 lower-case letters, digits, "
                    + "hyphens, underscores and dots. Credentials do not belong into it: they are those of 'gcloud auth "
                    + "application-default login', of the machine's service "
                    + "account, or of the file that GOOGLE_APPLICATION_CREDENTIALS names."
            );
    }

    // Without a query and without what stands before an '@': people put keys there.
    private static string Shown(string address)
    {
        var shown = address.LastIndexOf('@') is >= 0 and var at ? $"{Scheme}…{address[at..]}" : address;
        return Secrets.Redacted(shown.Split('?', 2)[0]);
    }

    [GeneratedRegex(@"^gs://(?<bucket>[a-z0-9][a-z0-9._-]{1,220}[a-z0-9])(/(?<segment>[^/?#]+))*/?$", RegexOptions.ExplicitCapture)]
    private static partial Regex Form();
}
