using System.Reflection;
using System.Runtime.InteropServices;
using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Slowrun.Architecture.Tests;

/// <summary>The rooms' assemblies as they were built, and what their folders (which are namespaces) use of each other.</summary>
internal static class BuiltRooms
{
    /// <summary>Rooms that the client's program has and the silo's has not.</summary>
    private static readonly HashSet<string> OfClient = ["Client", "Data", "Fleet"];

    /// <summary>Part of no program here: it is made for those of others.</summary>
    public const string Library = "Client.Api";

    public static string File(string room)
    {
        var program =
            room == Library ? "SlowrunClientApi"
            : OfClient.Contains(room) ? "SlowrunClient"
            : "SlowrunSilo";
        return Path.Combine(Path.GetDirectoryName(Metadata(program))!, $"Slowrun.{room}.dll");
    }

    public static string Metadata(string key) =>
        typeof(BuiltRooms).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!;

    public static AssemblyDefinition Read(string room)
    {
        var resolver = new DefaultAssemblyResolver();
        resolver.AddSearchDirectory(Path.GetDirectoryName(File(room)));
        resolver.AddSearchDirectory(RuntimeEnvironment.GetRuntimeDirectory());
        return AssemblyDefinition.ReadAssembly(File(room), new ReaderParameters { AssemblyResolver = resolver });
    }

    /// <summary>The folder of the room in which a type stands; "." for the room's own; null for what a generator has put
    /// elsewhere.</summary>
    public static string? FolderOf(string room, TypeReference type)
    {
        while (type.DeclaringType is not null)
        {
            type = type.DeclaringType;
        }

        var home = $"Slowrun.{room}";
        return type.Namespace == home ? "."
            : type.Namespace.StartsWith($"{home}.", StringComparison.Ordinal) ? type.Namespace[(home.Length + 1)..]
            : null;
    }

    /// <summary>Uses of one folder by another, with an example of each.</summary>
    public static IReadOnlyDictionary<(string From, string To), string> Uses(string room)
    {
        using var assembly = Read(room);
        var uses = new Dictionary<(string From, string To), string>();
        foreach (var type in assembly.MainModule.GetTypes())
        {
            foreach (var used in Used(type).SelectMany(Parts))
            {
                if (used.Scope is ModuleDefinition && FolderOf(room, type) is { } from && FolderOf(room, used) is { } to && from != to)
                {
                    uses.TryAdd((from, to), $"{Outermost(type).Name} uses {Outermost(used).Name}");
                }
            }
        }

        return uses;
    }

    private static IEnumerable<TypeReference> Used(TypeDefinition type)
    {
        IEnumerable<TypeReference?> all =
        [
            type.BaseType,
            .. type.Interfaces.Select(one => one.InterfaceType),
            .. type.Fields.Select(field => field.FieldType),
            .. type.Properties.Select(property => property.PropertyType),
            .. type.Methods.SelectMany(Used),
        ];
        return all.OfType<TypeReference>();
    }

    private static IEnumerable<TypeReference?> Used(MethodDefinition method) =>
        [
            method.ReturnType,
            .. method.Parameters.Select(parameter => parameter.ParameterType),
            .. method.HasBody ? method.Body.Variables.Select(variable => variable.VariableType) : [],
            .. method.HasBody ? method.Body.Instructions.SelectMany(Used) : [],
        ];

    private static IEnumerable<TypeReference?> Used(Instruction instruction) =>
        instruction.Operand switch
        {
            TypeReference type => [type],
            GenericInstanceMethod method => [method.DeclaringType, .. method.GenericArguments],
            MethodReference method => [method.DeclaringType],
            FieldReference field => [field.DeclaringType],
            _ => [],
        };

    /// <summary>A type, those that it is made of, and those that it is applied to.</summary>
    private static IEnumerable<TypeReference> Parts(TypeReference type) =>
        type switch
        {
            GenericInstanceType generic => [generic.ElementType, .. generic.GenericArguments.SelectMany(Parts)],
            FunctionPointerType => [],
            TypeSpecification specification => Parts(specification.ElementType),
            GenericParameter => [],
            _ => [type],
        };

    private static TypeReference Outermost(TypeReference type) => type.DeclaringType is { } outer ? Outermost(outer) : type;
}
