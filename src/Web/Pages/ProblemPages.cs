using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Slowrun.Reading;
using Slowrun.Web.Access;

namespace Slowrun.Web.Pages;

/// <summary>Pages about errors.</summary>
internal static class ProblemPages
{
    /// <summary>A problem, with a link back to the store for those who may read it.</summary>
    public static IResult Of(HttpContext http, int status, string detail)
    {
        var rules = http.RequestServices.GetRequiredService<AccessRules>();
        var mayRead = rules.Token is null || http.User.IsInRole(Permissions.Read);
        return PageResult.Of<ProblemPage>(
            new()
            {
                [nameof(ProblemPage.Frame)] = mayRead ? PageFrame.Of(http.RequestServices.GetRequiredService<RunLibrary>(), rules) : null,
                [nameof(ProblemPage.Status)] = status,
                [nameof(ProblemPage.Detail)] = detail,
            },
            status
        );
    }
}
