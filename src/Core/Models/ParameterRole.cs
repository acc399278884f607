namespace Slowrun.Core.Models;

/// <summary>What a parameter is for; optimizer groups and initial values follow from it.</summary>
public enum ParameterRole
{
    /// <summary>Token embedding, wte.</summary>
    Embedding,

    /// <summary>lm_head.</summary>
    Unembedding,

    ResidualLambda,

    /// <summary>Weight of the embedded input that is added before each layer.</summary>
    X0Lambda,

    /// <summary>Weight of a U-Net skip connection.</summary>
    SkipWeight,

    /// <summary>q_mix, k_mix, v_mix of head mixing.</summary>
    HeadMix,

    /// <summary>Strength of exclusive self-attention.</summary>
    XsaAlpha,

    /// <summary>attn_gate: Muon's in most records, AdamW's in the 15-minute track.</summary>
    AttentionGate,

    /// <summary>ve_gate: Muon's.</summary>
    ValueGate,

    /// <summary>Gain of a norm of a layer that shares its block.</summary>
    NormGain,

    /// <summary>Bias of such a norm.</summary>
    NormBias,

    /// <summary>A matrix that reads the residual stream: Muon's.</summary>
    InputMatrix,

    /// <summary>c_proj of attention and MLP, a matrix that writes to the residual stream: Muon's.</summary>
    OutputMatrix,
}
