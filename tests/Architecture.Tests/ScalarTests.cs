using System.Reflection;
using System.Runtime.InteropServices;
using Mono.Cecil;

namespace Slowrun.Architecture.Tests;

/// <summary>
/// The engine calls nothing of TorchSharp that makes a scalar inside: nothing keeps such a scalar alive while libtorch reads it, and a
/// garbage collection in between gives a wrong number (src/Training/Numerics/Scalars.cs).
/// </summary>
public sealed class ScalarTests
{
    private static readonly string Silo = Path.GetDirectoryName(
        typeof(ScalarTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "SlowrunSilo").Value!
    )!;

    [Fact]
    public void Training_WhenItCallsTorchSharp_CallsNothingThatMakesAScalarInside()
    {
        using var resolver = new DefaultAssemblyResolver();
        resolver.AddSearchDirectory(Silo);
        resolver.AddSearchDirectory(RuntimeEnvironment.GetRuntimeDirectory());
        var torch = Calls(Read("TorchSharp.dll", resolver));
        var engine = Calls(Read("Slowrun.Training.dll", resolver));

        var makers = Makers(torch);
        Assert.True(makers.Count > 100, "TorchSharp was not understood: its methods with inner scalars were not found.");
        var offenders = engine.SelectMany(method => method.Value.Where(makers.Contains).Select(called => $"{method.Key} calls {called}"));
        Assert.Empty(offenders);
    }

    private static ModuleDefinition Read(string file, IAssemblyResolver resolver) =>
        AssemblyDefinition.ReadAssembly(Path.Combine(Silo, file), new ReaderParameters { AssemblyResolver = resolver }).MainModule;

    private static Dictionary<string, List<string>> Calls(ModuleDefinition module) =>
        module
            .GetTypes()
            .SelectMany(type => type.Methods)
            .Where(method => method.HasBody)
            .GroupBy(method => method.FullName)
            .ToDictionary(
                group => group.Key,
                group =>
                    group
                        .First()
                        .Body.Instructions.Select(i => i.Operand)
                        .OfType<MethodReference>()
                        .Select(r => r.GetElementMethod().FullName)
                        .ToList()
            );

    /// <summary>Methods that convert a number to a scalar, themselves or through another; conversions themselves are banned by their
    /// names.</summary>
    private static HashSet<string> Makers(Dictionary<string, List<string>> torch)
    {
        var candidates = torch.Where(method => !IsConversion(method.Key)).ToList();
        var makers = candidates.Where(method => method.Value.Any(IsConversion)).Select(method => method.Key).ToHashSet();
        int before;
        do
        {
            before = makers.Count;
            makers.UnionWith(candidates.Where(method => method.Value.Any(makers.Contains)).Select(method => method.Key));
        } while (makers.Count > before);
        return makers;
    }

    private static bool IsConversion(string method) =>
        method.Contains("TorchSharp.Scalar::op_Implicit", StringComparison.Ordinal)
        || (
            method.Contains("TorchSharp.ScalarExtensionMethods::To", StringComparison.Ordinal)
            && method.StartsWith("TorchSharp.Scalar ", StringComparison.Ordinal)
        );
}
