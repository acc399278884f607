using static TorchSharp.torch;

namespace Slowrun.Training.Models;

/// <summary>Where the model takes its parameters from: a worker's leaves, a snapshot, a fixture.</summary>
internal interface IParameterSource
{
    /// <summary>The parameter, in its own shape.</summary>
    Tensor Of(string name);

    /// <summary>Several matrices of equal width below each other; a view where they lie so in memory.</summary>
    Tensor Rows(params ReadOnlySpan<string> names);

    /// <summary>The first rows of a matrix: the part of an embedding table that is not padding.</summary>
    Tensor Head(string name, long rows);
}
