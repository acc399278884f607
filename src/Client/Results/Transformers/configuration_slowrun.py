"""Configuration of models trained by Slowrun; every field is explained in the model's README.md and docs/results.md."""

from transformers import PretrainedConfig


class SlowrunConfig(PretrainedConfig):
    model_type = "slowrun"

    def __init__(
        self,
        vocab_size=257,
        padded_vocab_size=320,
        hidden_size=64,
        intermediate_size=256,
        num_hidden_layers=6,
        num_attention_heads=4,
        max_position_embeddings=128,
        rms_norm_eps=1.1920928955078125e-07,
        softcap=15.0,
        layer_order=None,
        recurrent_passes=0,
        attention_windows=None,
        attention_gate_channels=12,
        value_embedding_layers=(),
        value_gate_channels=32,
        key_offset_layers=(),
        xsa_layers=(),
        xsa_strength=None,
        mixed_heads=(),
        rotary_base=10000.0,
        rotary_pairs=8,
        rotary_frequencies=None,
        score_scale=1.0,
        rotary_dtype="float32",
        product_dtype="float32",
        shared_attentions=0,
        transposed_unembedding=False,
        **kwargs,
    ):
        self.vocab_size = vocab_size
        self.padded_vocab_size = padded_vocab_size
        self.hidden_size = hidden_size
        self.intermediate_size = intermediate_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.max_position_embeddings = max_position_embeddings
        self.rms_norm_eps = rms_norm_eps
        self.softcap = softcap
        self.layer_order = list(range(num_hidden_layers)) if layer_order is None else list(layer_order)
        self.recurrent_passes = recurrent_passes
        self.attention_windows = (
            [max_position_embeddings] * num_hidden_layers if attention_windows is None else list(attention_windows)
        )
        self.attention_gate_channels = attention_gate_channels
        self.value_embedding_layers = list(value_embedding_layers)
        self.value_gate_channels = value_gate_channels
        self.key_offset_layers = list(key_offset_layers)
        self.xsa_layers = list(xsa_layers)
        self.xsa_strength = xsa_strength
        self.mixed_heads = list(mixed_heads)
        self.rotary_base = rotary_base
        self.rotary_pairs = rotary_pairs
        self.rotary_frequencies = None if rotary_frequencies is None else list(rotary_frequencies)
        self.score_scale = score_scale
        self.rotary_dtype = rotary_dtype
        self.product_dtype = product_dtype
        self.shared_attentions = shared_attentions
        self.transposed_unembedding = transposed_unembedding
        kwargs.setdefault("tie_word_embeddings", False)
        kwargs.setdefault("use_cache", False)
        super().__init__(**kwargs)


class SlowrunEnsembleConfig(PretrainedConfig):
    """Of several models that make one prediction: `members` has a folder and a weight for each."""

    model_type = "slowrun_ensemble"

    def __init__(self, members=(), average="probabilities", vocab_size=257, max_position_embeddings=128, **kwargs):
        self.members = list(members)
        self.average = average
        self.vocab_size = vocab_size
        self.max_position_embeddings = max_position_embeddings
        kwargs.setdefault("tie_word_embeddings", False)
        kwargs.setdefault("use_cache", False)
        super().__init__(**kwargs)
