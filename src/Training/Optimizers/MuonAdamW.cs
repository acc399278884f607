using Slowrun.Core.Models;
using Slowrun.Core.Recipes;
using Slowrun.Core.Schedules;
using Slowrun.Training.Kernels.Cuda;
using Slowrun.Training.Numerics;
using Slowrun.Training.Parameters;
using static TorchSharp.torch;

namespace Slowrun.Training.Optimizers;

/// <summary>
/// Upstream's optimizer over flat buffers: AdamW for tables and scalars, Muon for matrices, a few large operations a group, no wait for
/// the device. Its whole memory is <see cref="State"/>.
/// </summary>
public sealed class MuonAdamW : IDisposable
{
    private readonly FlatParameters parameters;
    private readonly OptimizerRecipe recipe;
    private readonly (AdamWGroup Group, FlatRange Range, bool Rounded)[] adamW;
    private readonly (MuonGroup Group, FlatRange Second)[] muon;
    private readonly long muonStart;
    private readonly Tensor adamFirst;
    private readonly Tensor adamSecond;
    private readonly Tensor muonFirst;
    private readonly Tensor muonSecond;
    private readonly Tensor steps;

    /// <param name="parameters">Laid out by <see cref="ParameterGroups.Layout"/> of the same groups.</param>
    public MuonAdamW(FlatParameters parameters, IReadOnlyList<ParameterGroup> groups, OptimizerRecipe recipe)
        : this(parameters, groups, recipe, StepPath.Composed) { }

    /// <param name="kernels">Of the parameters' device, on <see cref="StepPath.Kernels"/>; else null.</param>
    internal MuonAdamW(
        FlatParameters parameters,
        IReadOnlyList<ParameterGroup> groups,
        OptimizerRecipe recipe,
        StepPath path,
        UpdateKernels? kernels = null
    )
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(groups);
        this.parameters = parameters;
        this.recipe = recipe;
        var placed = groups.Zip(parameters.Layout.Groups).ToArray();
        adamW =
        [
            .. placed
                .Where(g => g.First.Kind == OptimizerKind.AdamW)
                .Select(g =>
                    (new AdamWGroup(g.First, g.Second, path, kernels), g.Second, g.First.Parameters.All(parameter => parameter.Rounded))
                ),
        ];
        muonStart = placed
            .Where(g => g.First.Kind == OptimizerKind.Muon)
            .Select(g => g.Second.Start)
            .DefaultIfEmpty(parameters.Layout.Length)
            .First();
        if (adamW.Any(g => g.Range.End > muonStart))
        {
            throw new ArgumentException("An AdamW group comes after a Muon group; AdamW groups must come first.", nameof(groups));
        }

        long second = 0;
        muon =
        [
            .. placed
                .Where(g => g.First.Kind == OptimizerKind.Muon)
                .Select(g =>
                {
                    var group = new MuonGroup(g.First, g.Second, path, kernels);
                    second += group.SecondMomentLength;
                    return (group, new FlatRange(second - group.SecondMomentLength, group.SecondMomentLength));
                }),
        ];

        using var scope = NewDisposeScope();
        adamFirst = Zeros(muonStart);
        adamSecond = Zeros(muonStart);
        muonFirst = Zeros(parameters.Layout.Length - muonStart);
        muonSecond = Zeros(second);
        steps = zeros(1, ScalarType.Int64).DetachFromDisposeScope();
        State =
        [
            .. NamedTensor.Pieces("optimizer/adamw/first", adamFirst),
            .. NamedTensor.Pieces("optimizer/adamw/second", adamSecond),
            .. NamedTensor.Pieces("optimizer/muon/first", muonFirst),
            .. NamedTensor.Pieces("optimizer/muon/second", muonSecond),
            new NamedTensor("optimizer/steps", steps),
        ];

        Tensor Zeros(long length) => zeros(length, ScalarType.Float32, parameters.Device).DetachFromDisposeScope();
    }

    /// <summary>Moments (float32, on the parameters' device) and the number of steps taken (int64, on the CPU): read and written in
    /// place.</summary>
    public IReadOnlyList<NamedTensor> State { get; }

    /// <param name="gradient">(Layout.Length) float32, averaged and clipped; left as it is.</param>
    public void Step(Tensor gradient, ScheduleValues values)
    {
        foreach (var update in Updates(gradient, values))
        {
            update();
        }
    }

    /// <summary>
    /// A step's updates, one a parameter group. No two touch the same number, so that they may run on any threads at any time, each once;
    /// those that take longest come first.
    /// </summary>
    /// <param name="gradient">As in <see cref="Step"/>.</param>
    public IReadOnlyList<Action> Updates(Tensor gradient, ScheduleValues values)
    {
        using var noGradient = no_grad();
        steps.add_(Scalars.Of(1), Scalars.One);
        var step = steps.data<long>()[0];
        return
        [
            // Orthogonalization is many matrix products, AdamW reads every number once.
            .. muon.OrderByDescending(g => g.Group.Length)
                .Select(g =>
                    Update(() =>
                        g.Group.Step(
                            parameters.Flat,
                            gradient,
                            muonFirst,
                            muonStart,
                            muonSecond.narrow(0, g.Second.Start, g.Second.Length),
                            values,
                            recipe
                        )
                    )
                ),
            .. adamW
                .OrderByDescending(g => g.Range.Length)
                .Select(g =>
                    Update(() =>
                    {
                        g.Group.Step(parameters.Flat, gradient, adamFirst, adamSecond, step, values);
                        if (g.Rounded)
                        {
                            // As upstream's compiled step: computed in float32, rounded once where it is stored.
                            foreach (var stored in (Tensor[])[parameters.Flat, adamFirst, adamSecond])
                            {
                                Rounding.ToBfloat16(stored.narrow(0, g.Range.Start, g.Range.Length));
                            }
                        }
                    })
                ),
        ];

        // What autograd records, and who disposes what, are the thread's.
        static Action Update(Action update) =>
            () =>
            {
                using var noGradient = no_grad();
                using var scope = NewDisposeScope();
                update();
            };
    }

    public void Dispose()
    {
        foreach (var piece in State)
        {
            piece.Tensor.Dispose();
        }

        foreach (var tensor in (Tensor[])[adamFirst, adamSecond, muonFirst, muonSecond])
        {
            tensor.Dispose();
        }
    }
}
