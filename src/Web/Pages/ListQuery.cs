using Microsoft.AspNetCore.Http.Extensions;
using Slowrun.Core;

namespace Slowrun.Web.Pages;

/// <summary>What a list shows and in which order, as its address has it: it can be bookmarked and sent.</summary>
/// <param name="Sort">The chosen head; <see cref="ByName"/> where none is.</param>
/// <param name="Find">Part of a name, or a pattern with <c>*</c> and <c>?</c>; empty: every name.</param>
/// <param name="State">A word of the list's states; empty: every state.</param>
public sealed record ListQuery(string Sort, string Find, string State)
{
    public const string ByName = "name";

    /// <summary>Whether it leaves out anything.</summary>
    public bool Filters => Find.Length > 0 || State.Length > 0;

    /// <summary>What cannot be read counts as not given: a form sends empty fields too.</summary>
    /// <param name="states">The words that the list knows.</param>
    public static ListQuery Read(string? sort, string? find, string? state, IEnumerable<string> states) =>
        new(
            sort is { Length: > 0 } ? sort : ByName,
            find?.Trim() ?? "",
            states.FirstOrDefault(word => word.Equals(state, StringComparison.OrdinalIgnoreCase)) ?? ""
        );

    /// <summary>Whether one of the names is looked for.</summary>
    public bool Finds(params IEnumerable<string> names) => names.Any(name => NamePattern.Finds(Find, name));

    /// <summary>The same list in another order.</summary>
    public string SortedBy(string sort)
    {
        var address = new QueryBuilder { { "sort", sort } };
        foreach (var (name, value) in new[] { ("find", Find), ("state", State) })
        {
            if (value.Length > 0)
            {
                address.Add(name, value);
            }
        }

        return address.ToString();
    }

    /// <summary>What it leaves, for a sentence: <c>named like 'a', in state 'running'</c>.</summary>
    public string Words =>
        string.Join(
            ", ",
            new[] { Find.Length > 0 ? $"named like '{Find}'" : "", State.Length > 0 ? $"in state '{State}'" : "" }.Where(word =>
                word.Length > 0
            )
        );
}
