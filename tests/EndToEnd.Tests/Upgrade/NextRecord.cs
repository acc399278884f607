using Slowrun.Core.Stages;

namespace Slowrun.Core;

/// <summary>What a later version adds to each record that is stored or sent (docs/compatibility.md): null in a stage's identity, where it
/// would be a part that older versions do not know.</summary>
public abstract partial record ExtensibleRecord
{
    private readonly string? addedLater;

    public string? AddedLater
    {
        get => addedLater ?? (this is StageIdentity ? null : "by the next version");
        init => addedLater = value;
    }
}
