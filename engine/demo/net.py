"""The DeepSeek-V4 of the demo in PyTorch, for training only: whole rows from position 0, float32.

Parameters carry their official names, but for the experts, which are stacked: layers.N.ffn.experts.w1 is
[n_experts, width, hidden]. What the formulas are is said beside the kernels in engine/kernels.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

EXPERTS = ("w1", "w2", "w3")


def shapes(c):
    """{official name: shape} of everything that is trained; tid2eid and gate.bias are not."""
    d, n, heads, width = c["hidden_size"], c["hc_mult"], c["num_attention_heads"], c["head_dim"]
    ql, ol, groups, ff = c["q_lora_rank"], c["o_lora_rank"], c["o_groups"], c["moe_intermediate_size"]
    experts, sites = c["n_routed_experts"], (2 + n) * n
    out = {"embed.weight": (c["vocab_size"], d)}
    for i in range(c["num_hidden_layers"]):
        p, ratio = f"layers.{i}.", c["compress_ratios"][i]
        for site in ("attn", "ffn"):
            out[p + site + "_norm.weight"] = (d,)
            out |= {p + f"hc_{site}_fn": (sites, n * d), p + f"hc_{site}_base": (sites,), p + f"hc_{site}_scale": (3,)}
        a = p + "attn."
        out |= {a + "attn_sink": (heads,), a + "wq_a.weight": (ql, d), a + "q_norm.weight": (ql,),
                a + "wq_b.weight": (heads * width, ql), a + "wkv.weight": (width, d), a + "kv_norm.weight": (width,),
                a + "wo_a.weight": (groups * ol, heads * width // groups), a + "wo_b.weight": (d, groups * ol)}
        if ratio:
            out |= compressor_shapes(a + "compressor.", ratio, width, d)
        if ratio == 4:
            ci, hi = c["index_head_dim"], c["index_n_heads"]
            out |= {a + "indexer.wq_b.weight": (hi * ci, ql), a + "indexer.weights_proj.weight": (hi, d)}
            out |= compressor_shapes(a + "indexer.compressor.", ratio, ci, d)
        f = p + "ffn."
        out |= {f + "gate.weight": (experts, d)}
        out |= {f + "experts." + w: (experts, d, ff) if w == "w2" else (experts, ff, d) for w in EXPERTS}
        out |= {f + f"shared_experts.{w}.weight": (d, ff) if w == "w2" else (ff, d) for w in EXPERTS}
    return out | {"norm.weight": (d,), "hc_head_fn": (n, n * d), "hc_head_base": (n,), "hc_head_scale": (1,),
                  "head.weight": (c["vocab_size"], d)}


def compressor_shapes(name, ratio, width, d):
    row = 2 * width if ratio == 4 else width
    return {name + "wkv.weight": (row, d), name + "wgate.weight": (row, d), name + "ape": (ratio, row),
            name + "norm.weight": (width,)}


def initial(name, shape, n):
    """Streams start nearly apart: the sublayers read the first, the mixing keeps each where it is."""
    leaf = name.rsplit(".", 1)[-1]
    if "norm" in name:
        return torch.ones(shape)
    if leaf.endswith("_scale"):
        return torch.full(shape, 0.3)
    if leaf.endswith("_base"):
        base = torch.full(shape, -1.0)
        base[0] = 1.0
        if shape[0] > n:
            base[n : 2 * n] = 0.0
            base[2 * n :] = 4.0 * torch.eye(n).flatten()
        return base
    if leaf == "attn_sink":
        return torch.zeros(shape)
    if leaf == "ape":
        return 0.02 * torch.randn(shape)
    if name == "embed.weight":
        return 0.04 * torch.randn(shape)
    return torch.randn(shape) * 0.9 / math.sqrt(shape[-1])


def rms(x, eps, weight=None):
    x = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps)
    return x if weight is None else x * weight


def frequencies(c, compressed):
    r = c["qk_rope_head_dim"]
    base = c["compress_rope_theta"] if compressed else c["rope_theta"]
    f = base ** (-torch.arange(0, r, 2, dtype=torch.float64) / r)
    scaling = c.get("rope_scaling")
    if not compressed or not scaling:
        return f.float()

    def dim(rotations):
        return r * math.log(scaling["original_max_position_embeddings"] / (2 * math.pi * rotations)) / (2 * math.log(base))

    low, high = max(math.floor(dim(scaling["beta_fast"])), 0), min(math.ceil(dim(scaling["beta_slow"])), r - 1)
    ramp = ((torch.arange(r // 2) - low) / max(high - low, 0.001)).clamp(0, 1).double()
    return (f / scaling["factor"] * ramp + f * (1 - ramp)).float()


def turn(x, angles):
    """Rotates the last dimensions, adjacent pairs; angles is complex, [..., r / 2]."""
    r = 2 * angles.shape[-1]
    pairs = torch.view_as_complex(x[..., -r:].reshape(*x.shape[:-1], r // 2, 2))
    turned = torch.view_as_real(pairs * angles).flatten(-2)
    return turned if r == x.shape[-1] else torch.cat([x[..., :-r], turned], -1)


def sinkhorn(z, n_iterations, eps):
    """z: [source, target, tokens]."""
    m = z.softmax(1) + eps
    m = m / (m.sum(0, keepdim=True) + eps)
    for _ in range(n_iterations - 1):
        m = m / (m.sum(1, keepdim=True) + eps)
        m = m / (m.sum(0, keepdim=True) + eps)
    return m


class Net(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.c = config
        n = config["hc_mult"]
        self.p = nn.ParameterDict()
        self.names = {}
        for name, shape in shapes(config).items():
            self.names[name] = name.replace(".", "/")  # a ParameterDict takes no dots
            self.p[self.names[name]] = nn.Parameter(initial(name, shape, n))
        experts, k = config["n_routed_experts"], config["num_experts_per_tok"]
        self.tid2eid = [torch.rand(config["vocab_size"], experts).topk(k).indices for _ in range(config["num_hash_layers"])]
        self.bias = [torch.zeros(experts) for _ in range(config["num_hidden_layers"])]
        self.load = [torch.zeros(experts) for _ in range(config["num_hidden_layers"])]
        self.quantised = None  # {name: tensor} that stands in for the parameters, straight through
        self.angles = {}

    def state(self):
        return {"p": {name: self.p[key].detach() for name, key in self.names.items()}, "tid2eid": self.tid2eid, "bias": self.bias}

    def restore(self, state):
        with torch.no_grad():
            for name, key in self.names.items():
                self.p[key].copy_(state["p"][name])
        self.tid2eid, self.bias = state["tid2eid"], state["bias"]

    def w(self, name):
        parameter = self.p[self.names[name]]
        if self.quantised is not None and name in self.quantised:
            return parameter + (self.quantised[name] - parameter).detach()
        return parameter

    def forward(self, tokens, at=None):
        """Logits [rows, length, vocab], or [len(at), vocab] at these flat positions."""
        c = self.c
        rows, length = tokens.shape
        x = F.embedding(tokens.flatten(), self.w("embed.weight"))
        streams = x[:, None, :].expand(-1, c["hc_mult"], -1)
        for i in range(c["num_hidden_layers"]):
            p = f"layers.{i}."
            streams = self.site(streams, p + "hc_attn_", p + "attn_norm.weight",
                                lambda h: self.attention(h.view(rows, length, -1), i).flatten(0, 1))
            streams = self.site(streams, p + "hc_ffn_", p + "ffn_norm.weight",
                                lambda h: self.experts(h, tokens.flatten(), i))
        if at is not None:
            streams = streams[at]
        z = self.stream_logits(streams, "hc_head_fn")
        pre = torch.sigmoid(z * self.w("hc_head_scale") + self.w("hc_head_base")) + c["hc_eps"]
        h = rms((pre[:, None, :] @ streams)[:, 0], c["rms_norm_eps"], self.w("norm.weight"))
        logits = h @ self.w("head.weight").T
        return logits if at is not None else logits.view(rows, length, -1)

    def stream_logits(self, streams, fn):
        flat = streams.flatten(1)
        return (flat @ self.w(fn).T) * torch.rsqrt(flat.square().mean(-1, keepdim=True) + self.c["rms_norm_eps"])

    def site(self, streams, p, norm, sublayer):
        c = self.c
        n = c["hc_mult"]
        z, scale, base = self.stream_logits(streams, p + "fn"), self.w(p + "scale"), self.w(p + "base")
        pre = torch.sigmoid(z[:, :n] * scale[0] + base[:n]) + c["hc_eps"]
        post = 2 * torch.sigmoid(z[:, n : 2 * n] * scale[1] + base[n : 2 * n])
        mix = (z[:, 2 * n :] * scale[2] + base[2 * n :]).T.reshape(n, n, -1)
        mix = sinkhorn(mix, c["hc_sinkhorn_iters"], c["hc_eps"])
        y = sublayer(rms((pre[:, None, :] @ streams)[:, 0], c["rms_norm_eps"], self.w(norm)))
        return torch.cat([mix.permute(2, 1, 0), post[:, :, None]], 2) @ torch.cat([streams, y[:, None, :]], 1)

    def rotation(self, compressed, length):
        key = (compressed, length)
        if key not in self.angles:
            angle = torch.arange(length, dtype=torch.float32)[:, None] * frequencies(self.c, compressed)
            self.angles[key] = torch.polar(torch.ones_like(angle), angle)
        return self.angles[key]

    def compress(self, h, name, ratio, angles):
        """Entries of the full windows, [rows, windows, width]."""
        rows, length, _ = h.shape
        n_windows = length // ratio
        h = h[:, : n_windows * ratio]
        width = self.w(name + "norm.weight").shape[0]
        value = (h @ self.w(name + "wkv.weight").T).view(rows, n_windows, ratio, -1)
        gate = (h @ self.w(name + "wgate.weight").T).view(rows, n_windows, ratio, -1) + self.w(name + "ape")
        if ratio == 4:  # the lower half belongs to the next window's entry
            value = torch.cat([F.pad(value[:, :-1, :, :width], (0, 0, 0, 0, 1, 0)), value[..., width:]], 2)
            gate = torch.cat([F.pad(gate[:, :-1, :, :width], (0, 0, 0, 0, 1, 0), value=-1e30), gate[..., width:]], 2)
        entry = (gate.softmax(2) * value).sum(2)
        entry = rms(entry, self.c["rms_norm_eps"], self.w(name + "norm.weight"))
        return turn(entry, angles[: n_windows * ratio : ratio])

    def choose(self, h, cq, i, angles, visible):
        """Which visible entries each query may see: its best ones, [rows, length, windows]."""
        c, a = self.c, f"layers.{i}.attn.indexer."
        hi, ci = c["index_n_heads"], c["index_head_dim"]
        keys = self.compress(h, a + "compressor.", 4, angles)
        q = turn((cq @ self.w(a + "wq_b.weight").T).view(*cq.shape[:2], hi, ci), angles[:, None])
        weight = h @ self.w(a + "weights_proj.weight").T * (hi * ci) ** -0.5
        score = torch.einsum("bth,bthw->btw", weight, F.relu(torch.einsum("bthc,bwc->bthw", q, keys)))
        score = score.masked_fill(~visible, -math.inf)
        best = score.topk(c["index_topk"], -1).indices
        return torch.zeros_like(score, dtype=torch.bool).scatter_(-1, best, True) & visible

    def attention(self, h, i):
        c, a = self.c, f"layers.{i}.attn."
        rows, length, _ = h.shape
        heads, width, eps, ratio = c["num_attention_heads"], c["head_dim"], c["rms_norm_eps"], c["compress_ratios"][i]
        angles = self.rotation(ratio > 0, length)
        cq = rms(h @ self.w(a + "wq_a.weight").T, eps, self.w(a + "q_norm.weight"))
        q = turn(rms((cq @ self.w(a + "wq_b.weight").T).view(rows, length, heads, width), eps), angles[:, None])
        kv = turn(rms(h @ self.w(a + "wkv.weight").T, eps, self.w(a + "kv_norm.weight")), angles)
        t = torch.arange(length)
        seen = (t[None, :] <= t[:, None]) & (t[None, :] > t[:, None] - c["sliding_window"])
        seen = seen.expand(rows, -1, -1)
        if ratio and length >= ratio:
            entries = self.compress(h, a + "compressor.", ratio, angles)
            visible = torch.arange(length // ratio)[None, :] < ((t + 1) // ratio)[:, None]
            if ratio == 4 and length // 4 > c["index_topk"]:
                with torch.no_grad():
                    visible = self.choose(h, cq, i, angles, visible)
            kv = torch.cat([kv, entries], 1)
            seen = torch.cat([seen, visible.expand(rows, -1, -1)], 2)
        q = q.transpose(1, 2).reshape(rows, heads * length, width)
        score = (q @ kv.transpose(1, 2)).view(rows, heads, length, -1) * width**-0.5
        score = score.masked_fill(~seen[:, None], -math.inf)
        sink = self.w(a + "attn_sink").view(1, heads, 1, 1).expand(rows, -1, length, -1)
        share = torch.cat([score, sink], -1).softmax(-1)[..., :-1].reshape(rows, heads * length, -1)
        out = (share @ kv).view(rows, heads, length, width).transpose(1, 2)
        out = turn(out, angles[:, None].conj()).reshape(rows * length, c["o_groups"], -1).transpose(0, 1)
        low = out @ self.w(a + "wo_a.weight").view(c["o_groups"], c["o_lora_rank"], -1).transpose(1, 2)
        return low.transpose(0, 1).reshape(rows, length, -1) @ self.w(a + "wo_b.weight").T

    def experts(self, x, tokens, i):
        c, f = self.c, f"layers.{i}.ffn."
        k, n_experts = c["num_experts_per_tok"], c["n_routed_experts"]
        s = torch.sqrt(F.softplus(x @ self.w(f + "gate.weight").T))
        if i < c["num_hash_layers"]:
            chosen = self.tid2eid[i][tokens]
        else:
            chosen = (s.detach() + self.bias[i]).topk(k, -1).indices
            self.load[i] += torch.bincount(chosen.flatten(), minlength=n_experts)
        share = s.gather(1, chosen)
        share = share / (share.sum(1, keepdim=True) + 1e-20) * c["routed_scaling_factor"]
        # Each expert's tokens in a row of its own, as long as the longest: one product for all experts.
        expert, order = chosen.flatten().sort(stable=True)
        counts = torch.bincount(expert, minlength=n_experts)
        place = torch.arange(len(order)) - (counts.cumsum(0) - counts)[expert]
        slot = expert * int(counts.max()) + place
        n_slots = n_experts * int(counts.max())
        grouped = x.new_zeros(n_slots, x.shape[1]).index_copy(0, slot, x[order // k]).view(n_experts, -1, x.shape[1])
        w1, w2, w3 = (self.w(f + "experts." + w).transpose(1, 2) for w in EXPERTS)
        y = self.swiglu(grouped @ w1, grouped @ w3) @ w2
        y = y.flatten(0, 1)[slot] * share.flatten()[order, None]
        w1, w2, w3 = (self.w(f + f"shared_experts.{w}.weight").T for w in EXPERTS)
        return (self.swiglu(x @ w1, x @ w3) @ w2).index_add(0, order // k, y)

    def swiglu(self, gate, up):
        limit = self.c["swiglu_limit"]
        return F.silu(gate.clamp(max=limit)) * up.clamp(-limit, limit)

    def rebalance(self, rate):
        """After a step: an expert that was chosen too often becomes less likely, and the other way round."""
        for i, load in enumerate(self.load):
            if i >= self.c["num_hash_layers"]:
                self.bias[i] += rate * torch.sign(load.mean() - load)
            load.zero_()
