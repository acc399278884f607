using System.Globalization;

namespace Slowrun.Core.Stages;

/// <summary>Says in words in which parts two identities of a stage differ, and how.</summary>
public static class IdentityDifferences
{
    private const int ShownDigits = 12;

    /// <summary>A phrase for each part that differs; empty: they are the same.</summary>
    /// <param name="begun">What the stage was begun as.</param>
    /// <param name="offered">What a take would go on with.</param>
    public static IReadOnlyList<string> Between(StageIdentity begun, StageIdentity offered)
    {
        ArgumentNullException.ThrowIfNull(begun);
        ArgumentNullException.ThrowIfNull(offered);
        (string Part, string? Begun, string? Offered)[] parts =
        [
            ("recipe", begun.RecipeSha256, offered.RecipeSha256),
            ("data", begun.DataSha256, offered.DataSha256),
            ("teacher", begun.TeacherSha256, offered.TeacherSha256),
            ("predecessor's final state", begun.PredecessorSha256, offered.PredecessorSha256),
            ("engine revision", Number(begun.EngineRevision), Number(offered.EngineRevision)),
            ("numerics fingerprint", begun.NumericsFingerprint, offered.NumericsFingerprint),
            .. Unknown(begun, offered).Select(name => (name, Text(begun, name), Text(offered, name))),
        ];
        return
        [
            .. parts
                .Where(part => part.Begun != part.Offered)
                .Select(part => $"{part.Part} {Short(part.Begun)} then, {Short(part.Offered)} now"),
        ];
    }

    /// <summary>What can be done about a take that is refused for these differences. Nothing of it loses bytes.</summary>
    public static string Advice(StageIdentity begun, StageIdentity offered)
    {
        ArgumentNullException.ThrowIfNull(begun);
        ArgumentNullException.ThrowIfNull(offered);
        return begun.RecipeSha256 != offered.RecipeSha256 || begun.DataSha256 != offered.DataSha256
                ? "The run's spec was exchanged after the stage began: put back the one it was begun with, or run the other one under another name."
            : begun.TeacherSha256 != offered.TeacherSha256 || begun.PredecessorSha256 != offered.PredecessorSha256
                ? "The stage before it was trained anew or restored from another copy after this one began: put back what this one was begun with ('slowrun lineage' shows both), or run the recipe under another name."
            : Unknown(begun, offered).Any()
                ? "A newer version of slowrun began it, and its bytes depend on something that this version does not know: serve the store with that version."
            : begun.EngineRevision != offered.EngineRevision
                ? string.Create(
                    CultureInfo.InvariantCulture,
                    $"Another engine revision gives other bytes, and nothing adopts one: serve the store with a version of slowrun of engine revision {begun.EngineRevision} ('slowrun doctor' shows a version's), or run the recipe again under another name."
                )
            : "Another device's arithmetic gives other bytes: it waits for a silo on a machine of the kind that it was begun on.";
    }

    /// <summary>An identity in words, for messages that show one.</summary>
    internal static string Text(StageIdentity identity) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"recipe {Short(identity.RecipeSha256)}, data {Short(identity.DataSha256)}, teacher {Short(identity.TeacherSha256)}, predecessor's final state {Short(identity.PredecessorSha256)}, engine revision {identity.EngineRevision}, numerics fingerprint {Short(identity.NumericsFingerprint)}"
        );

    private static IEnumerable<string> Unknown(StageIdentity begun, StageIdentity offered) =>
        (begun.Unknown?.Keys ?? Enumerable.Empty<string>())
            .Union(offered.Unknown?.Keys ?? Enumerable.Empty<string>())
            .Order(StringComparer.Ordinal);

    private static string? Text(StageIdentity identity, string member) =>
        identity.Unknown?.TryGetValue(member, out var value) == true ? value.ToString() : null;

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Short(string? hash) => hash is null ? "none" : hash[..Math.Min(ShownDigits, hash.Length)];
}
