using System.Text.Json.Serialization;

namespace Slowrun.Client.Api;

public partial class RunStatus
{
    /// <summary>Whether nothing more happens unless a user asks for it.</summary>
    [JsonIgnore]
    public bool IsOver => State is RunState.Succeeded or RunState.Failed or RunState.Cancelled;
}
