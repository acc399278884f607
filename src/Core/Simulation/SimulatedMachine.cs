using Slowrun.Core.Plan;

namespace Slowrun.Core.Simulation;

/// <summary>One machine of a simulated fleet, from its order to its end.</summary>
/// <param name="number">In the order in which machines were ordered, replacements too.</param>
internal sealed class SimulatedMachine(int number, int slots, double orderedAt, IdleClock idle)
{
    public int Number => number;

    public string Name { get; } = $"machine{number}";

    public double OrderedAt => orderedAt;

    public IReadOnlyList<string> Slots { get; } = [.. Enumerable.Range(0, slots).Select(slot => $"slot:{slot}")];

    public List<string> Free { get; } = [];

    public List<SimulatedWork> Work { get; } = [];

    public double? ServesSince { get; set; }

    /// <summary>It is told to leave: nothing is offered to it.</summary>
    public bool Leaves { get; set; }

    public bool IsGone { get; set; }

    /// <summary>When its time is up is looked at.</summary>
    public bool IsIdle { get; set; }

    public bool Takes => ServesSince is not null && !Leaves && !IsGone;

    public IdleClock Idle => idle;
}

/// <summary>What a machine is at.</summary>
/// <param name="span">Of a stage; null: judging.</param>
internal sealed class SimulatedWork(ReadyWork what, IReadOnlyList<string> slots, double since, OwnerSpan? span)
{
    public ReadyWork What => what;

    public IReadOnlyList<string> Slots => slots;

    public double Since => since;

    public OwnerSpan? Span => span;

    /// <summary>Its machine is lost or leaves: its end does not come any more.</summary>
    public bool IsOver { get; set; }
}
