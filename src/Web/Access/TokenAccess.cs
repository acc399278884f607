using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Slowrun.Web.Access;

/// <summary>Access by token as part of a web application: ASP.NET's authentication and authorization, the same for every server of
/// Slowrun's.</summary>
public static class TokenAccess
{
    /// <summary>The policy of what changes something.</summary>
    internal const string OrdersPolicy = TokenAuthentication.Orders;

    public static void AddTokenAccess(this IServiceCollection services, AccessSettings settings, TimeProvider time)
    {
        services.AddSingleton(new AccessGate(settings, time));
        // Without AddAuthentication's data protection, which would write keys into the user's home: our cookies hold nothing to protect.
        services.AddWebEncoders();
        services.AddAuthenticationCore(options =>
        {
            options.DefaultScheme = TokenAuthentication.Name;
            options.AddScheme<TokenAuthentication>(TokenAuthentication.Name, displayName: null);
        });
        services.AddTransient<TokenAuthentication>();
        services.AddSingleton(time);
        services.AddAuthorization(options =>
        {
            // Of every address, also one where there is nothing; what is open says so itself.
            options.FallbackPolicy = new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build();
            options.AddPolicy(OrdersPolicy, policy => policy.RequireRole(TokenAuthentication.Orders));
        });
    }

    /// <summary>To be used after routing, before the endpoints.</summary>
    public static void UseTokenAccess(this IApplicationBuilder app)
    {
        app.UseAuthentication();
        app.UseAuthorization();
    }

    /// <summary>Refuses strange names and other sites' forms; to be used before routing.</summary>
    public static void UseAccessGate(this IApplicationBuilder app)
    {
        var gate = app.ApplicationServices.GetRequiredService<AccessGate>();
        app.Use((http, next) => gate.InvokeAsync(http, next));
    }
}
