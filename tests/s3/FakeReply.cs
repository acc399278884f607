using System.Text;
using System.Xml.Linq;

namespace Slowrun.Tests.S3;

/// <summary>What the fake server answers.</summary>
internal sealed record FakeReply(int Status)
{
    public byte[] Body { get; init; } = [];

    public Dictionary<string, string> Headers { get; } = new(StringComparer.OrdinalIgnoreCase);

    public static FakeReply Error(int status, string code) =>
        Xml(
            status,
            new XElement(
                "Error",
                new XElement("Code", code),
                new XElement("Message", $"{code}."),
                new XElement("RequestId", "4442587FB7D0A2F9")
            )
        );

    public static FakeReply Xml(int status, XElement root)
    {
        if (status == 200)
        {
            XNamespace space = "http://s3.amazonaws.com/doc/2006-03-01/";
            foreach (var element in root.DescendantsAndSelf())
            {
                element.Name = space + element.Name.LocalName;
            }
        }

        var text = $"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{root.ToString(SaveOptions.DisableFormatting)}";
        return new FakeReply(status) { Body = Encoding.UTF8.GetBytes(text), Headers = { ["Content-Type"] = "application/xml" } };
    }
}
