using Slowrun.Clustering.Membership;
using Slowrun.Core;
using Slowrun.Core.Explain;
using Slowrun.Fleet.Silos;
using Slowrun.Grains.Interfaces;
using Slowrun.Reading.Live;
using Slowrun.Storage;
using Slowrun.Storage.Addresses;
using Spectre.Console;

namespace Slowrun.Client.Cli;

/// <summary>The environment of a command: console, variables, store, silos. Tests replace it.</summary>
internal sealed record ClientContext
{
    /// <summary>Where data goes: plain text and JSON.</summary>
    public required TextWriter Output { get; init; }

    /// <summary>Where errors and remarks go.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Opens standard input.</summary>
    public Func<Stream> Input { get; init; } = System.Console.OpenStandardInput;

    /// <summary>The same place as <see cref="Output"/>, for tables and live displays.</summary>
    public required IAnsiConsole Console { get; init; }

    /// <summary>Whether <see cref="Console"/> is a terminal that can be drawn over.</summary>
    public bool Interactive { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>A variable of the environment; null where it is not set.</summary>
    public Func<string, string?> Variable { get; init; } = Environment.GetEnvironmentVariable;

    /// <summary>Runs a job in the silo's program: its command, the store, a line of JSON; returns the lines of its answer.</summary>
    public Func<string, string, string, CancellationToken, IAsyncEnumerable<string>> AskSilo { get; init; } = SiloJob.RunAsync;

    /// <summary>Memory of the slots that a silo of this machine would have.</summary>
    public Func<IReadOnlyList<SlotMemory>> MachineSlots { get; init; } = Clustering.Machines.MachineSlots.OfThisMachine;

    /// <summary>Asks silos for their reports.</summary>
    public Func<StatusReader, IReadOnlyList<LiveSilo>, CancellationToken, Task<IReadOnlyList<SiloReport>>> AskSilos { get; init; } =
        (statuses, silos, stop) => statuses.ReportsAsync(silos, stop);

    public static ClientContext OfProcess()
    {
        var redirected = System.Console.IsOutputRedirected;
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(System.Console.Out) });
        if (redirected)
        {
            // A file or pipe has no width: tables must not be broken at 80 columns.
            console.Profile.Width = 240;
        }

        return new ClientContext
        {
            Output = System.Console.Out,
            Error = System.Console.Error,
            Console = console,
            Interactive = !redirected && console.Profile.Capabilities.Ansi,
        };
    }

    /// <summary>The store's clock, for a command that only reads: where it cannot ask the store, which takes a write, this machine's
    /// must do.</summary>
    public async Task<TimeProvider> ReadingTimeAsync(IObjectStore store, CancellationToken cancellationToken)
    {
        try
        {
            return await StoreClock.OfAsync(store, Time, cancellationToken);
        }
        catch (StoreException)
        {
            return Time;
        }
    }

    /// <exception cref="NotFoundException">There is no store at the address.</exception>
    /// <exception cref="InvalidRequestException">The address cannot hold a store.</exception>
    public async Task<IObjectStore> OpenStoreAsync(string address, bool create, CancellationToken cancellationToken)
    {
        try
        {
            return await StoreAddress.OpenAsync(address, create, Time, cancellationToken);
        }
        catch (StoreException e) when (e.Problem == StoreProblem.Missing)
        {
            throw new NotFoundException(e.Message, e);
        }
        catch (StoreException e) when (e.Problem == StoreProblem.Unsuitable)
        {
            throw new InvalidRequestException(e.Message, e);
        }
    }
}
