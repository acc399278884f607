"""A training step of the same model in plain PyTorch, compiled: what the benchmark's figures are compared with on the same card.

    reference.py CONFIG.json [--cpu]

CONFIG.json is what `Slowrun.Gpu config SIZE` prints. Prints one line of JSON. Where torch.compile is not there, the model runs as it is, and the line says so.
"""
import json
import sys
import time

import torch
import torch.nn.functional as F

config = json.load(open(sys.argv[1]))
CPU = "--cpu" in sys.argv
M, S = config["model"], config["stage"]
L, H, C, V, T = M["layers"], M["heads"], M["width"], M["vocabSize"], M["sequenceLength"]
B, HID, PAD, D = S["deviceRows"], config["hidden"], config["padded"], C // H
device = torch.device("cpu" if CPU else "cuda:0")
bf16 = torch.bfloat16
torch.manual_seed(1)


def parameter(*shape, scale=0.02):
    return torch.nn.Parameter(torch.randn(*shape, device=device) * scale)


def norm(x):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1.1920928955078125e-07)


def scalar(value, n):
    return torch.nn.Parameter(torch.full((n,), value, device=device))


def angles():
    pairs = D // 2
    turning = D // 4 if M.get("halfRope") else pairs
    frequency = torch.zeros(pairs)
    frequency[:turning] = 10000.0 ** (-torch.arange(turning) / turning)
    angle = torch.outer(torch.arange(T).float(), frequency)
    rounded = lambda x: x.to(bf16).float() if M.get("ropePrecision") == "BF16" else x
    return rounded(angle.cos())[:, None].to(device), rounded(angle.sin())[:, None].to(device)


COS, SIN = angles()


def rotate(x):
    a, b = x.chunk(2, -1)
    length = x.shape[1]
    c, s = COS[:length].to(x.dtype), SIN[:length].to(x.dtype)
    return torch.cat([a * c + b * s, b * c - a * s], -1)


def masks():
    distance = torch.arange(T)[:, None] - torch.arange(T)[None, :]
    return {w: ((distance >= 0) & (distance <= w)).to(device) for w in set(config["windows"]) if w < T - 1}


MASKS = masks()


def attend(q, k, v, window):
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    mask = MASKS.get(window)
    if not hasattr(F, "scaled_dot_product_attention"):
        allowed = mask if mask is not None else torch.ones(q.shape[2], q.shape[2], dtype=torch.bool, device=device).tril()
        weights = (q @ k.transpose(-1, -2) * D**-0.5).masked_fill(~allowed, float("-inf")).softmax(-1)
        return (weights @ v).transpose(1, 2)
    if not CPU and FLEX is not None and mask is not None:
        return FLEX(q, k, v, window).transpose(1, 2)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None).transpose(1, 2)


def flexible():
    """Attention that visits a window's blocks only; None where this PyTorch has none."""
    try:
        from torch.nn.attention.flex_attention import create_block_mask, flex_attention
    except ImportError:
        return None
    blocks = {}

    def run(q, k, v, window):
        return flex_attention(q, k, v, block_mask=blocks[window])

    for window in MASKS:
        inside = lambda b, h, i, j, w=window: (i >= j) & (i - j <= w)
        blocks[window] = create_block_mask(inside, None, None, T, T, device=device)
    return run


FLEX = None if CPU else flexible()


class Block(torch.nn.Module):
    def __init__(self, value):
        super().__init__()
        self.qkv, self.out = parameter(3, C, C), parameter(C, C)
        self.attention_gate = parameter(H, 12)
        self.value_gate, self.value = (parameter(H, 32), parameter(C, C)) if value else (None, None)
        self.gate, self.fc, self.proj = parameter(HID, C), parameter(HID, C), parameter(C, HID)
        self.mix = torch.nn.Parameter(torch.eye(H, device=device).repeat(3, 1, 1)) if M.get("headMixing") else None

    def forward(self, x, x0, window, shifted, alpha):
        rows, length = x.shape[0], x.shape[1]
        a = norm(x)
        weights = self.qkv
        if self.mix is not None:
            weights = torch.einsum("pnm,pmdc->pndc", self.mix, weights.view(3, H, D, C)).reshape(3, C, C)
        q, k, v = (F.linear(a, w).view(rows, length, H, D) for w in weights)
        if self.value is not None:
            opened = 2 * torch.sigmoid(F.linear(a[..., :32], self.value_gate))[..., None]
            v = v + opened * F.linear(x0, self.value).view(rows, length, H, D)
        q, k = norm(rotate(q)), norm(rotate(k))
        if shifted:
            late = torch.cat([k[:, :1, :, D // 2 :], k[:, :-1, :, D // 2 :]], 1)
            k = torch.cat([k[..., : D // 2], late], -1)
        y = attend(q.to(v.dtype), k.to(v.dtype), v, window)
        if alpha is not None:
            direction = v / v.pow(2).sum(-1, keepdim=True).sqrt().clamp_min(1e-4)
            y = y - torch.tanh(alpha)[:, None] * (y * direction).sum(-1, keepdim=True) * direction
        y = y * torch.sigmoid(F.linear(a[..., :12], self.attention_gate))[..., None]
        x = x + F.dropout(F.linear(y.reshape(rows, length, C), self.out), S["dropout"], self.training)
        m = norm(x)
        hidden = F.linear(F.silu(F.linear(m, self.gate)) * F.linear(m, self.fc), self.proj)
        return x + F.dropout(hidden, S["dropout"] if S.get("mlpDropout", True) else 0.0, self.training)


class Gpt(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.wte, self.head = parameter(PAD, C, scale=1.0), parameter(PAD, C, scale=0.001)
        self.blocks = torch.nn.ModuleList(Block(i % 2 == (L - 1) % 2) for i in range(L))
        self.residual, self.x0, self.skip = scalar(1.0, L), scalar(0.1, L), scalar(1.0, L // 2)
        self.alphas = parameter(L, H) if M.get("xsa") else None
        self.further, self.joined = (Block(False), parameter(C, 2 * C)) if M.get("mtpBlock") else (None, None)

    def network(self, x, x0):
        kept, half = {}, L // 2
        for i in config["visits"]:
            if i >= half:
                x = x + self.skip[i - half] * kept[L - 1 - i]
            x = self.residual[i] * x + self.x0[i] * x0
            shifted = bool(M.get("keyOffset")) and config["long"][i]
            x = self.blocks[i](x, x0, config["windows"][i], shifted, None if self.alphas is None else self.alphas[i])
            if i < half:
                kept[i] = x
        return x

    def hidden(self, tokens):
        x0 = x = norm(F.embedding(tokens, self.wte))
        passes = (S.get("recurrence") or {}).get("passes", 1)
        for _ in range(passes - 1):
            with torch.no_grad():
                x = norm(self.network(x, x0))
        x = self.network(x, x0)
        return norm(norm(x) if passes > 1 else x)

    def logits(self, hidden):
        z = F.linear(hidden, self.head)[..., :V].float()
        return M["softcap"] * torch.tanh(z / M["softcap"])

    def loss(self, tokens, targets, taught=None):
        hidden = self.hidden(tokens)
        logits = self.logits(hidden)
        loss = F.cross_entropy(logits.view(-1, V), targets.view(-1))
        for ahead, share in enumerate((S.get("futureTokens") or {}).get("weights", []), 1):
            loss = loss + share * F.cross_entropy(logits[:, :-ahead].reshape(-1, V), targets[:, ahead:].reshape(-1))
        if self.further is not None:
            next_one = norm(F.embedding(targets[:, :-1], self.wte))
            z = F.linear(torch.cat([hidden[:, :-1], next_one.to(hidden.dtype)], -1), self.joined)
            o = norm(self.further(z, None, T, False, None))
            loss = loss + S["mtpWeight"] * F.cross_entropy(self.logits(o).reshape(-1, V), targets[:, 1:].reshape(-1))
        if taught is not None:
            alpha, heat = S["distillation"]["alpha"], S["distillation"]["temperature"]
            mine, theirs = F.log_softmax(logits / heat, -1), F.log_softmax(taught / heat, -1)
            loss = (1 - alpha) * loss + alpha * heat**2 * (theirs.exp() * (theirs - mine)).sum(-1).mean()
        return loss


COEFFICIENTS = [
    (8.156554524902461, -22.48329292557795, 15.878769915207462), (4.042929935166739, -2.808917465908714, 0.5000178451051316),
    (3.8916678022926607, -2.772484153217685, 0.5060648178503393), (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
    (2.3465413258596377, -1.7097828382687081, 0.42323551169305323),
]


def muon(p, g, momentum, second):
    momentum.lerp_(g, 0.05)
    x = g.lerp(momentum, 0.95).to(bf16)
    x = x / (1.02 * x.norm(dim=(-2, -1), keepdim=True) + 1e-6)
    tall = x.shape[-2] > x.shape[-1]
    for a, b, c in COEFFICIENTS:
        gram = x.transpose(-2, -1) @ x if tall else x @ x.transpose(-2, -1)
        polynomial = b * gram + c * (gram @ gram)
        x = a * x + (x @ polynomial if tall else polynomial @ x)
    x = x.float()
    axis = -1 if x.shape[-2] >= x.shape[-1] else -2
    mean = x.pow(2).mean(axis, keepdim=True)
    second.lerp_(mean, 0.05)
    scale = second.clamp_min(1e-10).rsqrt()
    x = x * scale * (mean.sum() / (mean * scale.pow(2)).sum().clamp_min(1e-10)).sqrt()
    p.sub_(0.01 * x + 0.01 * p * (x * p >= 0))


def main():
    model = Gpt()
    compiled = hasattr(torch, "compile") and not CPU
    if not CPU:
        torch.backends.cuda.matmul.allow_tf32 = False
    teacher = Gpt().to(bf16).requires_grad_(False).eval() if config["taught"] else None
    tokens = torch.randint(0, V, (B, T + 1), device=device)
    wrap = (lambda f: torch.compile(f, dynamic=False)) if compiled else (lambda f: f)

    def micro(x, y):
        taught = None
        if teacher is not None:
            with torch.no_grad():
                taught = teacher.logits(teacher.hidden(x))
        # The cache of casts would keep those of the passes without gradient, and no gradient would get through them.
        with torch.autocast(device.type, dtype=bf16, cache_enabled=not S.get("recurrence")):
            return model.loss(x, y, taught)

    step = wrap(micro)
    matrices = [p for p in model.parameters() if p.ndim >= 2 and p is not model.wte and p is not model.head]
    rest = [p for p in model.parameters() if not any(p is m for m in matrices)]
    adam = torch.optim.AdamW(rest, lr=1e-4, betas=(0.8, 0.95), eps=1e-10, **({"fused": True} if compiled else {}))
    update = wrap(muon)
    state = {}

    def optimize():
        adam.step()
        with torch.no_grad():
            for p in matrices:
                if p not in state:
                    axis = -1 if p.shape[-2] >= p.shape[-1] else -2
                    state[p] = (torch.zeros_like(p), torch.zeros_like(p.mean(axis, keepdim=True)))
                update(p, p.grad, *state[p])
        model.zero_grad(set_to_none=False)

    def settle():
        if not CPU:
            torch.cuda.synchronize()

    def seconds(runs, work):
        work()
        settle()
        start = time.perf_counter()
        for _ in range(runs):
            work()
        settle()
        return (time.perf_counter() - start) / runs

    x, y = tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()
    micro_seconds = seconds(4, lambda: step(x, y).backward())
    beside = seconds(2, optimize)
    count = config["microBatches"]
    peak = 0 if CPU else torch.cuda.max_memory_allocated()
    print(json.dumps({
        "part": "reference", "name": config["name"], "compiled": compiled, "torch": torch.__version__, "secondsPerMicroBatch": micro_seconds, "secondsBeside": beside,
        "tokensPerSecond": count * B * T / (count * micro_seconds + beside), "peakBytes": peak,
    }), flush=True)


if __name__ == "__main__":
    main()
