using Microsoft.AspNetCore.Http;

namespace Slowrun.Web.Access;

/// <summary>Whom a server answers.</summary>
/// <param name="Token">Asked of everybody; null: everybody may read, nobody may give orders.</param>
/// <param name="HostNames">Names, besides this machine's own and addresses, under which it answers; null: under any.</param>
/// <param name="Answer">Writes a refusal: its status, and why in a sentence.</param>
public sealed record AccessSettings(string? Token, IReadOnlyList<string>? HostNames, Func<HttpContext, int, string, Task> Answer)
{
    /// <summary>Where a browser is sent to log in; null: there is no such page.</summary>
    public string? LoginPath { get; init; }
}
