using System.Text.RegularExpressions;
using Amazon;
using Amazon.Runtime;
using Amazon.S3;
using Slowrun.Storage.Remote;

namespace Slowrun.Storage.S3;

/// <summary>An address <c>s3://BUCKET/PREFIX?endpoint=URL&amp;region=REGION</c>, and how to reach what it names.</summary>
/// <param name="Prefix">Before the names of objects, with the slash at its end; empty: the bucket is the store's alone.</param>
/// <param name="Endpoint">Of another server than AWS's; null: AWS's of the region, or what the SDK's environment says.</param>
internal sealed partial record S3Address(string Bucket, string Prefix, Uri? Endpoint, string? Region)
{
    public const string Scheme = "s3://";

    // Any server but AWS's takes any region; it is part of the signature all the same.
    private const string AnyRegion = "us-east-1";

    /// <summary>What the user should check when it does not answer.</summary>
    public string Unreachable =>
        Endpoint is { } endpoint
            ? $"Is the server at {endpoint} running?"
            : "Is the network up, and the region right (?region=, or AWS_REGION)?";

    public override string ToString()
    {
        var options = new[]
        {
            Endpoint is null ? null : $"endpoint={Endpoint.ToString().TrimEnd('/')}",
            Region is null ? null : $"region={Region}",
        };
        var query = string.Join('&', options.OfType<string>());
        return $"{Scheme}{Bucket}{(Prefix.Length > 0 ? "/" + Prefix.TrimEnd('/') : "")}{(query.Length > 0 ? "?" + query : "")}";
    }

    /// <exception cref="StoreException">Not such an address.</exception>
    public static S3Address Parse(string address)
    {
        var match = Form().Match(address);
        if (!match.Success || !match.Groups["segment"].Captures.All(segment => ObjectNames.IsSegment(segment.ValueSpan)))
        {
            throw Unsuitable(address, "");
        }

        var prefix = string.Concat(match.Groups["segment"].Captures.Select(segment => segment.Value + "/"));
        var parsed = new S3Address(match.Groups["bucket"].Value, prefix, null, null);
        foreach (var option in match.Groups["query"].Value.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = option.IndexOf('=', StringComparison.Ordinal) is > 0 and var at
                ? (option[..at], Uri.UnescapeDataString(option[(at + 1)..]))
                : (option, "");
            parsed = name switch
            {
                "endpoint" => parsed with { Endpoint = EndpointOf(address, value) },
                "region" when RegionForm().IsMatch(value) => parsed with { Region = value },
                "region" => throw Unsuitable(address, " Its region is not the name of one, as eu-central-1 is."),
                _ => throw Unsuitable(address, " It has another option than endpoint and region."),
            };
        }

        return parsed;
    }

    /// <param name="credentials">Null: the SDK's default chain (environment, profile, role of the machine).</param>
    /// <exception cref="StoreException">No region is known.</exception>
    public AmazonS3Client Connect(AWSCredentials? credentials, TimeSpan eachTry)
    {
        var config = new AmazonS3Config
        {
            // The SDK must not retry: two retriers multiply, and only one of them knows what a conflict after a retry means.
            MaxErrorRetry = 0,
            ThrottleRetries = false,
            // The pipeline ends a try earlier.
            Timeout = eachTry + eachTry,
            DisableLogging = true,
            // Each request is signed with the SHA-256 of its body, which the server compares. The SDK's own checksums, in
            // trailers, are refused by servers other than AWS's.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        };
        if (Endpoint is { } endpoint)
        {
            config.ServiceURL = endpoint.ToString();
            config.ForcePathStyle = true;
            config.AuthenticationRegion = Region ?? AnyRegion;
        }
        else if (Region is { } region)
        {
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(region);
        }

        try
        {
            return credentials is null ? new AmazonS3Client(config) : new AmazonS3Client(credentials, config);
        }
        catch (AmazonClientException e)
        {
            throw new StoreException(
                StoreProblem.Unsuitable,
                $"The store '{this}' cannot be opened: {StoreTries.FirstLine(e.Message).TrimEnd('.')}. Add "
                    + "?region=REGION to the address, or set AWS_REGION.",
                e
            );
        }
    }

    private static Uri EndpointOf(string address, string value) =>
        Uri.TryCreate(value, UriKind.Absolute, out var endpoint)
        && endpoint is { Scheme: "http" or "https", UserInfo: "", Query: "", Fragment: "", AbsolutePath: "/" }
            ? endpoint
            : throw Unsuitable(address, " Its endpoint is no http:// or https:// address of a server alone.");

    private static StoreException Unsuitable(string address, string why) =>
        new(
            StoreProblem.Unsuitable,
            // Without its options and without what stands before an '@': people put keys there.
            $"'{Secrets.Redacted(WithoutUser(address).Split('?', 2)[0])}' is no address of an S3 store: expected "
                + $"{Scheme}BUCKET/PREFIX, the bucket of 3 to 63 lower-case letters, digits, hyphens and dots, "
                + $"with ?endpoint=http://HOST:PORT&region=REGION where needed.{why} Credentials do not belong into it; "
                + "they stand in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or in a profile."
        );

    private static string WithoutUser(string address) =>
        address.LastIndexOf('@') is >= 0 and var at ? $"{Scheme}…{address[at..]}" : address;

    [GeneratedRegex(
        @"^s3://(?<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(/(?<segment>[^/?#]+))*/?(\?(?<query>[^#]*))?$",
        RegexOptions.ExplicitCapture
    )]
    private static partial Regex Form();

    [GeneratedRegex("^[a-z0-9-]{1,40}$")]
    private static partial Regex RegionForm();
}
