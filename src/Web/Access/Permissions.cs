using Microsoft.AspNetCore.Authorization;

namespace Slowrun.Web.Access;

/// <summary>What an endpoint needs: each names one of these policies, or is open to all.</summary>
internal static class Permissions
{
    /// <summary>The page and the API, where they only tell.</summary>
    public const string Read = "read";

    /// <summary>Pause, resume, cancel.</summary>
    public const string Orders = "orders";

    public const string Metrics = "metrics";

    public static void Apply(AuthorizationOptions options, AccessRules rules)
    {
        options.AddPolicy(Read, policy => Allow(policy, Read, isOpen: rules.Token is null));
        options.AddPolicy(Orders, policy => Allow(policy, Orders, isOpen: false));
        options.AddPolicy(Metrics, policy => Allow(policy, Metrics, rules.MetricsAreOpen));
        // Of an address where there is nothing: who may ask for nothing else is not told so.
        options.FallbackPolicy = options.GetPolicy(Metrics);
    }

    private static void Allow(AuthorizationPolicyBuilder policy, string role, bool isOpen)
    {
        if (isOpen)
        {
            policy.RequireAssertion(_ => true);
        }
        else
        {
            policy.RequireRole(role);
        }
    }
}
