using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Slowrun.Reading;
using Slowrun.Web.Access;

namespace Slowrun.Web.Pages;

/// <summary>What went wrong, for people.</summary>
internal static class ProblemPages
{
    /// <summary>A problem, with the way back to the store for who may read it.</summary>
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
