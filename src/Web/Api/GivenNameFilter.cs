using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Slowrun.Reading;

namespace Slowrun.Web.Api;

/// <summary>Of endpoints with runs among their parameters: a name that a run was given stands for that run's own, after access was
/// checked.</summary>
internal static class GivenNameFilter
{
    private const string Parameter = "run";

    public static void Use(IEndpointConventionBuilder endpoints) =>
        endpoints.AddEndpointFilterFactory(
            (factory, next) =>
            {
                var at = Array.FindIndex(factory.MethodInfo.GetParameters(), parameter => parameter.Name == Parameter);
                return at < 0
                    ? next
                    : async call =>
                    {
                        var library = call.HttpContext.RequestServices.GetRequiredService<RunLibrary>();
                        call.Arguments[at] = call.Arguments[at] switch
                        {
                            string name => await library.ResolveAsync(name, call.HttpContext.RequestAborted),
                            string[] names => await Task.WhenAll(
                                names.Select(name => library.ResolveAsync(name, call.HttpContext.RequestAborted))
                            ),
                            var other => other,
                        };
                        return await next(call);
                    };
            }
        );
}
