"""Models trained by Slowrun, for Hugging Face's transformers (trust_remote_code=True).

Logits are those of the engine that trained them. There is no key-value cache: generating reads the text again for each token.
"""

import torch
import torch.nn.functional as F
from torch import nn
from transformers import GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

from .configuration_slowrun import SlowrunConfig, SlowrunEnsembleConfig


def rms_norm(x, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)


def linear(x, weight, dtype):
    return F.linear(x.to(dtype), weight.to(dtype)).to(x.dtype)


def rotary_tables(config, length, device):
    """Cosines and sines, [T, d/2]; pairs beyond `rotary_pairs` do not turn."""
    pairs = config.hidden_size // config.num_attention_heads // 2
    exponents = 2 * torch.arange(config.rotary_pairs, dtype=torch.float32) / (2 * config.rotary_pairs)
    frequencies = torch.zeros(pairs)
    frequencies[: config.rotary_pairs] = 1 / torch.pow(config.rotary_base, exponents.double()).float()
    if config.rotary_frequencies is not None:
        frequencies = torch.tensor(config.rotary_frequencies, dtype=torch.float32)
    angles = torch.outer(torch.arange(length, dtype=torch.float32), frequencies).double()
    dtype = getattr(torch, config.rotary_dtype)
    return tuple(table.float().to(dtype).float().to(device) for table in (angles.cos(), angles.sin()))


def rotate(x, cos, sin):
    """x: [B, T, H, d]; channel j turns with channel j + d/2."""
    first, second = x.chunk(2, -1)
    cos, sin = cos[:, None], sin[:, None]
    return torch.cat([first * cos + second * sin, second * cos - first * sin], -1)


def shifted(k):
    """The second half of each key is that of the token before; the first token keeps its own."""
    start = k.shape[-1] // 2
    still = k[..., start:]
    return torch.cat([k[..., :start], torch.cat([still[:, :1], still[:, :-1]], 1)], -1)


def exclusive(y, v, alpha):
    """Takes from y the part along its value; alpha: [H], before its tanh, or None for 1."""
    floor = 1e-12 if alpha is None else 1e-4
    direction = v / v.pow(2).sum(-1, keepdim=True).sqrt().clamp_min(floor)
    along = (y * direction).sum(-1, keepdim=True)
    return y - direction * (along if alpha is None else along * alpha.tanh().view(-1, 1))


class SlowrunNorm(nn.Module):
    """A norm with a gain and a bias, of a layer that shares its block."""

    def __init__(self, width, eps):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x):
        return rms_norm(x, self.eps) * self.weight + self.bias


def gates(config, layer):
    """Of the attention's output, and of the value embedding where the layer has one."""
    heads = config.num_attention_heads
    attention = nn.Linear(config.attention_gate_channels, heads, bias=False)
    valued = layer in config.value_embedding_layers
    return attention, nn.Linear(config.value_gate_channels, heads, bias=False) if valued else None


class SlowrunAttention(nn.Module):
    def __init__(self, config, layer=None):
        """layer: None where layers share it; they have the gates."""
        super().__init__()
        width, heads = config.hidden_size, config.num_attention_heads
        self.heads = heads
        self.eps = config.rms_norm_eps
        self.score_scale = config.score_scale
        self.dtype = getattr(torch, config.product_dtype)
        self.key_offset = layer in config.key_offset_layers
        self.xsa = layer in config.xsa_layers
        self.c_q = nn.Linear(width, width, bias=False)
        self.c_k = nn.Linear(width, width, bias=False)
        self.c_v = nn.Linear(width, width, bias=False)
        self.c_proj = nn.Linear(width, width, bias=False)
        if layer is not None:
            self.attn_gate, self.ve_gate = gates(config, layer)
        for name in config.mixed_heads:
            setattr(self, f"{name}_mix", nn.Parameter(torch.eye(heads)))

    def project(self, x, name):
        weight = getattr(self, f"c_{name}").weight
        mix = getattr(self, f"{name}_mix", None)
        if mix is not None:
            weight = (mix.float() @ weight.float().view(self.heads, -1)).view_as(weight)
        return linear(x, weight, self.dtype).view(*x.shape[:2], self.heads, -1)

    def norm(self, x):
        return rms_norm(x, self.eps)

    def forward(self, x, value, alpha, rotary, mask):
        return self.attend(x, value, alpha, rotary, mask, self.norm, self.norm, self.ve_gate, self.attn_gate)

    def attend(self, x, value, alpha, rotary, mask, q_norm, k_norm, ve_gate, attn_gate):
        q = q_norm(rotate(self.project(x, "q"), *rotary)) * self.score_scale
        k = k_norm(rotate(self.project(x, "k"), *rotary))
        v = self.project(x, "v")
        if value is not None:
            gate = linear(x[..., : ve_gate.in_features], ve_gate.weight, self.dtype).sigmoid()
            v = v + 2 * gate.unsqueeze(-1) * value.view_as(v)
        if self.key_offset:
            k = shifted(k)
        y = F.scaled_dot_product_attention(*(part.to(self.dtype).transpose(1, 2) for part in (q, k, v)), attn_mask=mask)
        y = y.transpose(1, 2).to(x.dtype)
        if self.xsa:
            y = exclusive(y, v, alpha)
        gate = linear(x[..., : attn_gate.in_features], attn_gate.weight, self.dtype).sigmoid()
        return linear((y * gate.unsqueeze(-1)).reshape(x.shape), self.c_proj.weight, self.dtype)


class SlowrunMlp(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.dtype = getattr(torch, config.product_dtype)
        self.c_gate = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.c_fc = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.c_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x):
        gate = F.silu(linear(x, self.c_gate.weight, self.dtype))
        return linear(gate * linear(x, self.c_fc.weight, self.dtype), self.c_proj.weight, self.dtype)


class SlowrunBlock(nn.Module):
    def __init__(self, config, layer):
        super().__init__()
        self.eps = config.rms_norm_eps
        self.attn = SlowrunAttention(config, layer)
        self.mlp = SlowrunMlp(config)

    def forward(self, x, value, alpha, rotary, mask):
        x = x + self.attn(rms_norm(x, self.eps), value, alpha, rotary, mask)
        return x + self.mlp(rms_norm(x, self.eps))


class SlowrunLayer(nn.Module):
    """What a layer has of its own beside the attentions and the MLP that it shares."""

    def __init__(self, config, layer):
        super().__init__()
        width, eps, attentions = config.hidden_size, config.rms_norm_eps, range(config.shared_attentions)
        of_a_head = width // config.num_attention_heads
        self.attn_norms = nn.ModuleList([SlowrunNorm(width, eps) for _ in attentions])
        self.mlp_norm = SlowrunNorm(width, eps)
        self.q_norms = nn.ModuleList([SlowrunNorm(of_a_head, eps) for _ in attentions])
        self.k_norms = nn.ModuleList([SlowrunNorm(of_a_head, eps) for _ in attentions])
        pairs = [gates(config, layer) for _ in attentions]
        self.attn_gates = nn.ModuleList([attention for attention, _ in pairs])
        self.ve_gates = nn.ModuleList([value for _, value in pairs if value is not None])

    def forward(self, x, value, rotary, mask, attentions, mlp):
        for i, attention in enumerate(attentions):
            ve_gate = self.ve_gates[i] if value is not None else None
            normed = self.attn_norms[i](x)
            x = x + attention.attend(
                normed, value, None, rotary, mask, self.q_norms[i], self.k_norms[i], ve_gate, self.attn_gates[i]
            )
        return x + mlp(self.mlp_norm(x))


def next_token_loss(logits, labels):
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)


def check_inputs(config, input_ids, attention_mask, kwargs):
    if input_ids.shape[1] > config.max_position_embeddings:
        raise ValueError(
            f"{input_ids.shape[1]} tokens were given, but the model has {config.max_position_embeddings} positions. Give fewer."
        )
    if attention_mask is not None and not bool(attention_mask.bool().all()):
        raise ValueError("The attention mask hides tokens, but the model has no padding. Give texts of one length, or one at a time.")
    for name in ("past_key_values", "inputs_embeds"):
        if kwargs.get(name) is not None:
            raise ValueError(f"{name} was given, but the model only reads input_ids. Set use_cache=False, and give whole texts.")


def newest(config, input_ids, attention_mask):
    """Of a text longer than the model reads at once, its end."""
    inputs = {"input_ids": input_ids[:, -config.max_position_embeddings :]}
    if attention_mask is not None:
        inputs["attention_mask"] = attention_mask[:, -config.max_position_embeddings :]
    return inputs


class SlowrunForCausalLM(PreTrainedModel, GenerationMixin):
    config_class = SlowrunConfig
    # The block that predicts further ahead takes part in training alone.
    _keys_to_ignore_on_load_unexpected = [r"^mtp_"]

    def __init__(self, config):
        super().__init__(config)
        width, layers, vocabulary = config.hidden_size, config.num_hidden_layers, config.padded_vocab_size
        self.product_dtype = getattr(torch, config.product_dtype)
        self.resid_lambdas = nn.Parameter(torch.ones(layers))
        self.x0_lambdas = nn.Parameter(torch.zeros(layers))
        self.skip_weights = nn.Parameter(torch.ones(layers // 2))
        if config.xsa_strength == "learnable":
            self.xsa_alphas = nn.Parameter(torch.zeros(layers, config.num_attention_heads))
        block = SlowrunBlock
        if config.shared_attentions > 0:
            block = SlowrunLayer
            for half in ("encoder", "decoder"):
                attentions = [SlowrunAttention(config) for _ in range(config.shared_attentions)]
                setattr(self, f"{half}_attns", nn.ModuleList(attentions))
                setattr(self, f"{half}_mlp", SlowrunMlp(config))
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(vocabulary, width),
                "h": nn.ModuleList([block(config, layer) for layer in range(layers)]),
            }
        )
        shape = (vocabulary, width) if config.transposed_unembedding else (width, vocabulary)
        self.lm_head = nn.Linear(*shape, bias=False)
        self.ve_projs = nn.ModuleDict({str(layer): nn.Linear(width, width, bias=False) for layer in config.value_embedding_layers})
        self.post_init()

    def _init_weights(self, module):
        """Weights come from files; none are drawn here."""

    def get_input_embeddings(self):
        return self.transformer["wte"]

    def set_input_embeddings(self, value):
        self.transformer["wte"] = value

    def network(self, x, x0, rotary, masks):
        config = self.config
        half = config.num_hidden_layers // 2
        encoded = [None] * half
        for layer in config.layer_order:
            if layer >= half:
                x = x + self.skip_weights[layer - half] * encoded[config.num_hidden_layers - 1 - layer]
            x = self.resid_lambdas[layer] * x + self.x0_lambdas[layer] * x0
            value = None
            if layer in config.value_embedding_layers:
                value = linear(x0, self.ve_projs[str(layer)].weight, self.product_dtype)
            learnt = config.xsa_strength == "learnable" and layer in config.xsa_layers
            alpha = self.xsa_alphas[layer] if learnt else None
            block, mask = self.transformer["h"][layer], masks[config.attention_windows[layer]]
            if config.shared_attentions == 0:
                x = block(x, value, alpha, rotary, mask)
            elif layer < half:
                x = block(x, value, rotary, mask, self.encoder_attns, self.encoder_mlp)
            else:
                x = block(x, value, rotary, mask, self.decoder_attns, self.decoder_mlp)
            if layer < half:
                encoded[layer] = x
        return x

    def hidden(self, input_ids):
        config, length = self.config, input_ids.shape[1]
        rotary = rotary_tables(config, length, input_ids.device)
        distance = torch.arange(length, device=input_ids.device)
        distance = distance[:, None] - distance[None, :]
        masks = {window: (distance >= 0) & (distance <= window) for window in config.attention_windows}
        x0 = rms_norm(self.transformer["wte"](input_ids).to(self.product_dtype).float(), config.rms_norm_eps)
        x = x0
        for _ in range(1, config.recurrent_passes):
            # Earlier passes only prepare the input of the last, as in training.
            with torch.no_grad():
                x = rms_norm(self.network(x, x0, rotary, masks), config.rms_norm_eps)
        x = self.network(x, x0, rotary, masks)
        if config.recurrent_passes > 0:
            x = rms_norm(x, config.rms_norm_eps)
        return rms_norm(x, config.rms_norm_eps)

    def forward(self, input_ids, attention_mask=None, labels=None, **kwargs):
        config = self.config
        check_inputs(config, input_ids, attention_mask, kwargs)
        weight = self.lm_head.weight.t() if config.transposed_unembedding else self.lm_head.weight
        z = linear(self.hidden(input_ids), weight[: config.vocab_size], self.product_dtype)
        logits = config.softcap * torch.tanh(z / config.softcap)
        return CausalLMOutput(loss=None if labels is None else next_token_loss(logits, labels), logits=logits)

    def prepare_inputs_for_generation(self, input_ids, attention_mask=None, **kwargs):
        return newest(self.config, input_ids, attention_mask)


class SlowrunEnsemble(PreTrainedModel, GenerationMixin):
    """Several models that read the same text; its logits are those of their weighted mean."""

    config_class = SlowrunEnsembleConfig

    def __init__(self, config, members=None):
        super().__init__(config)
        if members is None:
            raise ValueError("An ensemble's models come from its members' folders: use from_pretrained.")
        self.members = nn.ModuleList(members)
        self.post_init()

    def _init_weights(self, module):
        """Weights come from files; none are drawn here."""

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path, *args, config=None, subfolder="", **kwargs):
        known = ("cache_dir", "device_map", "dtype", "force_download", "local_files_only", "revision", "token", "torch_dtype")
        kwargs = {name: value for name, value in kwargs.items() if name in known and value is not None}
        if config is None:
            hub = {name: value for name, value in kwargs.items() if name not in ("device_map", "dtype", "torch_dtype")}
            config = SlowrunEnsembleConfig.from_pretrained(pretrained_model_name_or_path, subfolder=subfolder, **hub)
        members = [
            SlowrunForCausalLM.from_pretrained(
                pretrained_model_name_or_path,
                subfolder=f"{subfolder}/{member['folder']}" if subfolder else member["folder"],
                **kwargs,
            )
            for member in config.members
        ]
        return cls(config, members).eval()

    def get_input_embeddings(self):
        return self.members[0].get_input_embeddings()

    def forward(self, input_ids, attention_mask=None, labels=None, **kwargs):
        check_inputs(self.config, input_ids, attention_mask, kwargs)
        total = 0
        for member, model in zip(self.config.members, self.members):
            logits = model(input_ids.to(model.device)).logits.to(input_ids.device).double()
            if self.config.average == "probabilities":
                logits = logits.softmax(-1)
            total = total + member["weight"] * logits
        logits = (total.log() if self.config.average == "probabilities" else total).float()
        return CausalLMOutput(loss=None if labels is None else next_token_loss(logits, labels), logits=logits)

    def prepare_inputs_for_generation(self, input_ids, attention_mask=None, **kwargs):
        return newest(self.config, input_ids, attention_mask)
