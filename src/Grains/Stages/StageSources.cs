using Slowrun.Core.Plan;
using Slowrun.Core.Recipes;
using Slowrun.Core.Stages;

namespace Slowrun.Grains.Stages;

/// <summary>Where a stage's inputs lie.</summary>
/// <param name="Teacher">The snapshot that teaches; null: none.</param>
/// <param name="Predecessor">Root of the finished stage that this one continues; null: it begins with fresh weights.</param>
internal sealed record StageSources(string Run, Recipe Recipe, StagePlan Plan, SnapshotRef? Teacher, StageRoot? Predecessor);
