using Microsoft.AspNetCore.Authorization;

namespace Slowrun.Web.Access;

/// <summary>The policies of endpoints: each endpoint names one of them, or is open.</summary>
internal static class Permissions
{
    /// <summary>The page and the API, where they only tell.</summary>
    public const string Read = "read";

    /// <summary>Submit, pause, resume, cancel, retry, change operations.</summary>
    public const string Orders = "orders";

    public const string Metrics = "metrics";

    public static void Apply(AuthorizationOptions options, AccessRules rules)
    {
        options.AddPolicy(Read, policy => Allow(policy, Read, isOpen: rules.Token is null));
        options.AddPolicy(Orders, policy => Allow(policy, Orders, isOpen: false));
        options.AddPolicy(Metrics, policy => Allow(policy, Metrics, rules.MetricsAreOpen));
        // For addresses without an endpoint: a caller without a token does not learn which exist.
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
