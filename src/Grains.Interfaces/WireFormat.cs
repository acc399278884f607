using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Slowrun.Core;

namespace Slowrun.Grains.Interfaces;

/// <summary>Slowrun's records cross the wire as the same canonical JSON that the store holds: there is no mapping layer.</summary>
public static class WireFormat
{
    /// <summary>To be called for silo and client alike.</summary>
    public static IServiceCollection AddSlowrunRecords(this IServiceCollection services) =>
        services.AddSerializer(serializers =>
            serializers.AddJsonSerializer(
                type => type.Namespace?.StartsWith("Slowrun.", StringComparison.Ordinal) == true,
                CanonicalJson.Options
            )
        );
}
