using Slowrun.Core;
using Slowrun.Core.Simulation;

namespace Slowrun.Client.Cli;

/// <summary>The file of machine sizes and their prices that <c>--machines</c> names.</summary>
internal static class MachineFile
{
    public const string Option = "--machines";

    /// <summary>The one that comes with the program.</summary>
    public static PriceList Embedded => MachineSizes.Read(MachineSizes.Embedded, "machines.yaml");

    /// <param name="file">Null: the one that comes with the program.</param>
    /// <exception cref="NotFoundException">There is no such file.</exception>
    /// <exception cref="Core.Specs.SpecException">With every problem of it.</exception>
    public static async Task<PriceList> ReadAsync(string? file, CancellationToken stop)
    {
        if (file is null)
        {
            return Embedded;
        }

        InputPaths.CheckFile(file, Option);
        return MachineSizes.Read(await File.ReadAllTextAsync(file, stop), file);
    }
}
