namespace Slowrun.Training.Models;

/// <summary>The norms of a layer; of one that shares its block, each attention has the first three.</summary>
internal enum BlockNorm
{
    Attention,
    Queries,
    Keys,
    Mlp,
}
