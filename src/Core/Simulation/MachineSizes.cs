using System.Text;
using System.Text.Json.Nodes;
using Slowrun.Core.Specs;

namespace Slowrun.Core.Simulation;

/// <summary>Kinds of machines, from a file or from the one that comes with the program.</summary>
public static class MachineSizes
{
    private const string Resource = "machines.yaml";
    private const string Section = "sizes";
    private const string StoreSection = "store";

    /// <summary>Those that come with the program, and the text of their file.</summary>
    public static string Embedded
    {
        get
        {
            using var stream = typeof(MachineSizes).Assembly.GetManifestResourceStream($"{typeof(MachineSizes).Namespace}.{Resource}")!;
            using var reader = new StreamReader(stream);
            return reader.ReadToEnd();
        }
    }

    /// <param name="source">The file's name, for messages.</param>
    /// <exception cref="SpecException">With every problem there is.</exception>
    public static PriceList Read(string text, string source)
    {
        var binder = new SpecBinder();
        var root = SpecParser.Parse(text, source);
        if ((root as SpecMapping)?.Find(Section)?.Value is not SpecSequence { Items.Count: > 0 } list)
        {
            throw new SpecException([new SpecProblem(source, 0, 0, Section, "expected a list of machines, each with its 'name'.")]);
        }

        binder.RefuseUnknown((SpecMapping)root, [Section, StoreSection], "", typeof(MachineSize));
        var sizes = list.Items.Select((item, i) => binder.Bind(item, typeof(MachineSize), $"{Section}[{i}]")).ToList();
        var store = ((SpecMapping)root).Find(StoreSection)?.Value is { } given and not SpecScalar { IsNull: true }
            ? binder.Bind(given, typeof(StorePrice), StoreSection)
            : null;
        binder.ThrowIfAny();
        return new PriceList([.. sizes.Select(As<MachineSize>)], store is null ? null : As<StorePrice>(store));

        T As<T>(JsonNode one) =>
            CanonicalJson.DeserializeStrictly<T>(Encoding.UTF8.GetBytes(one.ToJsonString(CanonicalJson.StrictOptions)), source);
    }

    /// <exception cref="NotFoundException">There is none of that name.</exception>
    public static MachineSize Named(IReadOnlyList<MachineSize> sizes, string name)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        return sizes.FirstOrDefault(size => size.Name == name)
            ?? throw new NotFoundException(
                $"There is no machine '{name}'.{Nearest.Hint(name, [.. sizes.Select(size => size.Name)])} There are: {string.Join(", ", sizes.Select(size => size.Name))}; --machines FILE names others."
            );
    }
}
