using Amazon.S3.Model;
using Slowrun.Storage.Remote;

namespace Slowrun.Storage.S3;

/// <summary>
/// Which write an object is of. S3's etag is a hash of the content as a rule, so that an object that was replaced by equal bytes has the
/// etag of before; each write therefore gets a random id, in the object's metadata.
/// </summary>
/// <param name="ETag">S3's, with its quotation marks: what conditions compare.</param>
/// <param name="Write">The id of the write; empty: the object was put by another program.</param>
internal readonly record struct S3Version(string ETag, string Write)
{
    public static S3Version Of(string etag, MetadataCollection metadata) => new(etag, metadata[WriteId.Key] ?? "");

    /// <summary>Reads what <see cref="ToString"/> wrote; anything else is no object's version.</summary>
    public static S3Version Parse(string text)
    {
        var at = text.LastIndexOf('/');
        return at < 0 ? new S3Version(text, "?") : new S3Version(text[..at], text[(at + 1)..]);
    }

    public override string ToString() => $"{ETag}/{Write}";
}
