using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Slowrun.Web.Access;

/// <summary>Access as part of a web application: ASP.NET's host filtering, authentication and authorization under one set of
/// rules.</summary>
internal static class ServerAccess
{
    public static void AddTo(IServiceCollection services, AccessRules rules, Refusals refusals, TimeProvider time)
    {
        services.AddSingleton(rules).AddSingleton(refusals).AddSingleton(new Credentials(rules, time));
        services.AddHostFiltering(options => OwnNames.Configure(options, rules));
        // Without AddAuthentication's data protection, which would write keys into the user's home: our cookies hold nothing to protect.
        services.AddWebEncoders();
        services.AddAuthenticationCore(options =>
        {
            options.DefaultScheme = TokenAuthentication.Name;
            options.AddScheme<TokenAuthentication>(TokenAuthentication.Name, displayName: null);
        });
        services.AddTransient<TokenAuthentication>();
        services.AddSingleton(time);
        services.AddAuthorization(options => Permissions.Apply(options, rules));
    }

    /// <summary>Refuses strange names and other sites' forms; to be used before routing.</summary>
    public static void UseBeforeRouting(IApplicationBuilder app, Func<HttpContext, bool> openTo)
    {
        OwnNames.Use(app, openTo);
        var refusals = app.ApplicationServices.GetRequiredService<Refusals>();
        app.Use((http, next) => SameOrigin.InvokeAsync(http, next, refusals));
    }

    /// <summary>To be used after routing, before the endpoints.</summary>
    public static void UseAfterRouting(IApplicationBuilder app)
    {
        app.UseAuthentication();
        app.UseAuthorization();
    }
}
