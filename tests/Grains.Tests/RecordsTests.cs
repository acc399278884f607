using System.Reflection;
using Slowrun.Core;
using Slowrun.Core.Efficiency;
using Slowrun.Core.Notices;
using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;
using Slowrun.Grains.Interfaces;

namespace Slowrun.Grains.Tests;

/// <summary>Every record that is stored or crosses the wire keeps members of a newer version, down to the last nested one
/// (docs/compatibility.md).</summary>
public sealed class RecordsTests
{
    private static readonly Type[] Stored =
    [
        typeof(StageRoot),
        typeof(StageProgress),
        typeof(RunEvent),
        typeof(RunIntent),
        typeof(Operations),
        typeof(RunSubmission),
        typeof(GivenNames),
        typeof(JudgingFailures),
        typeof(MemberScore),
        typeof(EnsembleScore),
        typeof(NoticeDocument),
        typeof(LossesDocument),
        typeof(EfficiencyReport),
    ];

    [Fact]
    public void Records_ThatAreStoredOrSent_KeepWhatTheyDoNotKnow()
    {
        var sent = typeof(IRunGrain)
            .Assembly.GetTypes()
            .Where(type => type.IsInterface && type.Namespace == typeof(IRunGrain).Namespace)
            .SelectMany(type => type.GetMethods())
            .SelectMany(method => method.GetParameters().Select(parameter => parameter.ParameterType).Append(method.ReturnType));
        var found = new HashSet<Type>();
        foreach (var type in Stored.Concat(sent))
        {
            Follow(type, found);
        }

        Assert.Contains(typeof(TakeAnswer), found);
        Assert.Contains(typeof(StageOwner), found);
        Assert.Empty(found.Where(type => !typeof(ExtensibleRecord).IsAssignableFrom(type)).Select(type => type.FullName));
    }

    private static void Follow(Type type, HashSet<Type> found)
    {
        foreach (var part in type.GetGenericArguments())
        {
            Follow(part, found);
        }

        // A stage's id is a string in JSON; of an unknown member nothing is known.
        if (
            type.Namespace?.StartsWith("Slowrun.", StringComparison.Ordinal) != true
            || type.IsValueType
            || type == typeof(UnknownMembers)
            || type.IsGenericParameter
            || type == typeof(StageId)
            || !found.Add(type)
        )
        {
            return;
        }

        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            Follow(property.PropertyType, found);
        }
    }
}
