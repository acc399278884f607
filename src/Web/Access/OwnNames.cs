using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.HostFiltering;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Slowrun.Web.Access;

/// <summary>
/// The host names under which the server answers: ASP.NET's host filtering. Another site whose name is made to resolve to this machine (DNS
/// rebinding) reaches it from a victim's browser under that site's name. Addresses, and this machine's names, cannot be abused in this way.
/// </summary>
internal static class OwnNames
{
    public static void Configure(HostFilteringOptions options, AccessRules rules)
    {
        // Addresses are let in below; to the framework some of them mean any name.
        options.AllowedHosts = ["localhost", Environment.MachineName, .. rules.HostNames.Where(name => !IsAddress(name))];
        options.AllowEmptyHosts = false;
        options.IncludeFailureMessage = false;
    }

    /// <summary>To be used before routing.</summary>
    /// <param name="openTo">Requests that are answered under any name.</param>
    public static void Use(IApplicationBuilder app, Func<HttpContext, bool> openTo)
    {
        var refusals = app.ApplicationServices.GetRequiredService<Refusals>();
        app.UseWhen(
            http => !IsAddress(http.Request.Host.Host) && !openTo(http),
            named =>
            {
                named.Use(
                    async (http, next) =>
                    {
                        await next(http);
                        // Refused before it was routed: the filter says nothing itself.
                        if (
                            http.GetEndpoint() is null
                            && http.Response is { HasStarted: false, StatusCode: StatusCodes.Status400BadRequest }
                        )
                        {
                            await refusals.WriteAsync(
                                http,
                                StatusCodes.Status421MisdirectedRequest,
                                $"This server is not known as '{http.Request.Host.Host}'. Use localhost, its address, or a name given with --host."
                            );
                        }
                    }
                );
                named.UseHostFiltering();
            }
        );
    }

    private static bool IsAddress(string host) => IPAddress.TryParse(host, out _);
}
