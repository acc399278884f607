namespace Slowrun.Web.Api;

/// <summary>Of an endpoint: this one parameter may be given several times.</summary>
internal sealed record Repeated(string Name, int Most);
