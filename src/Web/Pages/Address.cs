using System.Globalization;
using Microsoft.AspNetCore.Http.Extensions;
using Slowrun.Core.Plan;
using Slowrun.Reading.Curves;

namespace Slowrun.Web.Pages;

/// <summary>A page's address contains what it shows, so that it can be bookmarked and sent.</summary>
internal static class Address
{
    /// <param name="runs">Those that are compared; null: the address names its run.</param>
    public static string Of(CurveQuery query, IEnumerable<string>? runs = null)
    {
        var address = new QueryBuilder();
        address.Add("run", runs ?? []);
        void Add(string name, object? value)
        {
            if (value is not null)
            {
                address.Add(name, Convert.ToString(value, CultureInfo.InvariantCulture)!);
            }
        }

        Add("chain", query.Chain);
        Add("stage", query.Stage);
        Add("from", query.From);
        Add("to", query.To);
        Add("in", query.InChain ? "chain" : null);
        return address.ToString();
    }

    /// <summary>What cannot be read counts as not given: a form sends empty fields too.</summary>
    public static CurveQuery Read(string? chain, string? stage, string? from, string? to, string? within)
    {
        var (first, last) = (Number(from), Number(to));
        return new CurveQuery(
            Number(chain),
            StageId.TryParse(stage, out var id) ? id : null,
            first,
            last > first || first is null ? last : null,
            within == "chain"
        );
    }

    private static int? Number(string? text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
