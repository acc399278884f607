using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Slowrun.Tests.Gcs;

/// <summary>Listings of a bucket, by pages: of objects, and of the folders that a delimiter makes of their names.</summary>
internal static class GcsListing
{
    /// <param name="pageSize">Most entries, whatever is asked for.</param>
    public static GcsReply Page(SortedDictionary<string, GcsObject> objects, IQueryCollection query, int pageSize)
    {
        var (prefix, delimiter) = (query["prefix"].ToString(), query["delimiter"].ToString());
        var after = Encoding.UTF8.GetString(Convert.FromBase64String(query["pageToken"].ToString()));
        var most = Math.Min(pageSize, int.TryParse(query["maxResults"], out var given) ? given : pageSize);
        var (items, prefixes, last) = (new JsonArray(), new JsonArray(), "");
        var page = new JsonObject { ["kind"] = "storage#objects" };
        foreach (var (key, stored) in objects.Where(one => one.Key.StartsWith(prefix, StringComparison.Ordinal)))
        {
            var end = delimiter.Length > 0 ? key.IndexOf(delimiter, prefix.Length, StringComparison.Ordinal) : -1;
            var entry = end < 0 ? key : key[..(end + 1)];
            if (string.CompareOrdinal(entry, after) <= 0 || entry == last)
            {
                continue;
            }

            if (items.Count + prefixes.Count == most)
            {
                page["nextPageToken"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(last));
                break;
            }

            last = entry;
            if (end < 0)
            {
                items.Add(stored.Described(key));
            }
            else
            {
                prefixes.Add(entry);
            }
        }

        // Left out where they are empty, as the service does.
        if (items.Count > 0)
        {
            page["items"] = items;
        }

        if (prefixes.Count > 0)
        {
            page["prefixes"] = prefixes;
        }

        return GcsReply.Json(200, page);
    }
}
