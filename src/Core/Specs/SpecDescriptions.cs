using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

namespace Slowrun.Core.Specs;

/// <summary>What the records' own documentation says of them, from the XML file that the compiler writes beside the assembly.</summary>
public sealed class SpecDescriptions
{
    private readonly Dictionary<string, XElement> members;

    private SpecDescriptions(Dictionary<string, XElement> members) => this.members = members;

    public static SpecDescriptions None { get; } = new([]);

    /// <exception cref="InvalidDataException">Not such a file.</exception>
    public static SpecDescriptions Parse(string xml)
    {
        try
        {
            return new(
                XDocument
                    .Parse(xml)
                    .Descendants("member")
                    .Where(member => member.Attribute("name") is not null)
                    .DistinctBy(member => member.Attribute("name")!.Value)
                    .ToDictionary(member => member.Attribute("name")!.Value)
            );
        }
        catch (XmlException e)
        {
            throw new InvalidDataException("The documentation of the spec's records is damaged; build or install the program again.", e);
        }
    }

    public string? Of(Type type) => Text(members.GetValueOrDefault($"T:{type.FullName}")?.Element("summary"));

    /// <param name="field">As a spec names it: in camel case.</param>
    public string? Of(Type record, string field)
    {
        var name = char.ToUpperInvariant(field[0]) + field[1..];
        // A record's positional fields are documented as its parameters.
        return Text(members.GetValueOrDefault($"P:{record.FullName}.{name}")?.Element("summary"))
            ?? Text(
                members
                    .GetValueOrDefault($"T:{record.FullName}")
                    ?.Elements("param")
                    .FirstOrDefault(param => param.Attribute("name")?.Value == name)
            );
    }

    public string? OfValue(Type enumeration, string value) =>
        Text(members.GetValueOrDefault($"F:{enumeration.FullName}.{value}")?.Element("summary"));

    private static string? Text(XElement? element) =>
        element is null ? null : Regex.Replace(string.Concat(element.Nodes().Select(Text)), @"\s+", " ").Trim();

    private static string Text(XNode node) =>
        node switch
        {
            XText text => text.Value,
            XElement { Name.LocalName: "see" } see when see.Attribute("cref") is { } reference => Name(reference.Value),
            XElement inner => string.Concat(inner.Nodes().Select(Text)),
            _ => "",
        };

    /// <summary><c>P:Slowrun.Core.Recipes.StageRecipe.MtpWeight</c> is <c>mtpWeight</c> in a spec.</summary>
    private static string Name(string reference)
    {
        var name = reference[(reference.LastIndexOf('.') + 1)..];
        return reference.StartsWith("P:", StringComparison.Ordinal) ? char.ToLowerInvariant(name[0]) + name[1..] : name;
    }
}
