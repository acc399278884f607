using System.Globalization;
using System.IO.Hashing;
using System.Text;
using Slowrun.Core;

namespace Slowrun.Storage;

/// <summary>
/// A store's small documents: canonical JSON whose last member, <c>seal</c>, is the XxHash128 of the object's name and the rest. A flipped
/// bit would else be another valid document (a seed, a loss), and two objects swapped would be two valid ones. A document without a seal is
/// accepted, since a person may have written it, with every unknown member refused: what looks like one may be what is left of a seal.
/// </summary>
public static class SealedJson
{
    private const int HashDigits = 32;

    private static ReadOnlySpan<byte> Start => "\"seal\":\""u8;

    private static ReadOnlySpan<byte> End => "\"}"u8;

    /// <param name="name">The object that will hold it.</param>
    /// <param name="value">Serialized as a JSON object.</param>
    public static byte[] Serialize<T>(string name, T value) => Seal(name, CanonicalJson.Serialize(value));

    /// <summary>The document with its seal.</summary>
    /// <param name="plain">A JSON object, canonical; anything else is left as it is.</param>
    public static byte[] Seal(string name, byte[] plain) =>
        plain is [(byte)'{', .., (byte)'}']
            ? [.. plain.AsSpan(..^1), .. plain.Length > 2 ? ","u8 : [], .. Start, .. Encoding.ASCII.GetBytes(Hash(name, plain)), .. End]
            : plain;

    /// <param name="what">What to call it in a message; null: its name.</param>
    /// <exception cref="InvalidDataException">Not such a document, damaged, of another name, or of a newer version
    /// (<see cref="NewerDocument"/>); the message names it.</exception>
    public static T Deserialize<T>(string name, ReadOnlySpan<byte> stored, string? what = null)
    {
        var sealedFrom = stored.Length - Start.Length - HashDigits - End.Length;
        if (sealedFrom < 1 || !stored[sealedFrom..].StartsWith(Start) || !stored.EndsWith(End))
        {
            return CanonicalJson.DeserializeStrictly<T>(stored, what ?? name);
        }

        var content = stored[..sealedFrom];
        byte[] plain = [.. content[^1] == (byte)',' ? content[..^1] : content, (byte)'}'];
        var seal = Encoding.ASCII.GetString(stored.Slice(sealedFrom + Start.Length, HashDigits));
        return Hash(name, plain) == seal
            ? Whole<T>(plain, what ?? name)
            : throw new InvalidDataException(
                $"'{what ?? name}' is damaged or was exchanged: its seal is not that of its content. Put it back from a copy of the store."
            );
    }

    /// <summary>Reads what its seal, or a hash, has shown to be as it was written.</summary>
    /// <exception cref="InvalidDataException">It is nothing that this version knows (<see cref="NewerDocument"/>).</exception>
    internal static T Whole<T>(ReadOnlySpan<byte> plain, string what)
    {
        T value;
        try
        {
            value = CanonicalJson.Deserialize<T>(plain, what);
        }
        catch (InvalidDataException e)
        {
            throw NewerDocument.Refusal(what, e.Message, e);
        }

        return value is IVersionedDocument versioned && versioned.Version > versioned.Newest
            ? throw NewerDocument.Refusal(
                what,
                string.Create(CultureInfo.InvariantCulture, $"it has form {versioned.Version}, this version reads {versioned.Newest}.")
            )
            : value;
    }

    private static string Hash(string name, ReadOnlySpan<byte> plain)
    {
        var hash = new XxHash128();
        hash.Append(Encoding.UTF8.GetBytes(name));
        hash.Append([0]);
        hash.Append(plain);
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }
}
