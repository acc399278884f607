using Spectre.Console;

namespace Slowrun.Client.Display;

/// <summary>One column of a table, for people and for programs.</summary>
/// <param name="Title">As people see it.</param>
/// <param name="Field">As programs see it: the field's name in JSON.</param>
/// <param name="Value">What programs get: not rounded, without a unit.</param>
internal sealed record Column<T>(string Title, string Field, Func<T, object?> Value)
{
    /// <summary>What people read; null: the value.</summary>
    public Func<T, string>? Text { get; init; }

    public Func<T, Style>? Style { get; init; }

    /// <summary>Numbers.</summary>
    public bool Right { get; init; }

    /// <summary>Only in wide tables.</summary>
    public bool Wide { get; init; }

    /// <summary>Only for programs.</summary>
    public bool Hidden { get; init; }
}
