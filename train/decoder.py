"""The backbone in PyTorch: a frozen decoder with LoRA, over packed sequences."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.packing import Packing
from train.settings import Settings
from train.weights import Backbone, DecoderRetriever


def frozen(w) -> nn.Parameter:
    return nn.Parameter(torch.tensor(w), requires_grad=False)


class LoRA(nn.Module):
    """y = x @ w + bias + α/r · (x @ A) @ B with w and bias frozen; B starts at zero."""

    def __init__(self, w, rank: int, alpha: float, bias=None):
        super().__init__()
        self.w = frozen(w.T.copy())  # [out, in], the layout F.linear is fastest with
        self.bias = None if bias is None else frozen(bias)
        self.scale = alpha / rank
        self.A = nn.Parameter(torch.randn(w.shape[0], rank) / math.sqrt(w.shape[0]))
        self.B = nn.Parameter(torch.zeros(rank, w.shape[1]))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.w, self.bias) + (x @ self.A) @ (self.B * self.scale)


def cast(x: Tensor) -> Tensor:
    """In the type that autocast multiplies in, once for all products that follow."""
    kind = x.device.type
    return x.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else x


class DecoderLayer(nn.Module):
    """A layer of the Llama, Qwen2 (biases) or Qwen3 (norms of each head's queries and keys) families, with LoRA."""

    def __init__(self, layer: dict, b: Backbone | DecoderRetriever, s: Settings):
        super().__init__()
        self.heads, self.kv_heads, self.head_dim, self.eps = b.heads, b.kv_heads, b.head_dim, b.eps
        self.input_norm, self.post_norm = frozen(layer["input_norm"]), frozen(layer["post_norm"])
        for name in ("q", "k", "v", "o", "gate", "up", "down"):
            setattr(self, name, LoRA(layer[name], s.lora_rank, s.lora_alpha, layer.get(name + "_b")))
        self.q_norm, self.k_norm = (frozen(layer[n]) if n in layer else None for n in ("q_norm", "k_norm"))

    def before(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[N,H] → queries, keys and values [N,heads,head_dim], rotated."""
        h = cast(F.rms_norm(x, x.shape[-1:], self.input_norm, self.eps))
        q = self.q(h).view(-1, self.heads, self.head_dim)
        k = self.k(h).view(-1, self.kv_heads, self.head_dim)
        v = self.v(h).view(-1, self.kv_heads, self.head_dim)
        if self.q_norm is not None:
            q, k = (F.rms_norm(t, t.shape[-1:], w, self.eps) for t, w in ((q, self.q_norm), (k, self.k_norm)))
        return rotate(q, cos, sin), rotate(k, cos, sin), v

    def after(self, x: Tensor, a: Tensor) -> Tensor:
        x = x + self.o(a)
        h = cast(F.rms_norm(x, x.shape[-1:], self.post_norm, self.eps))
        return x + self.down(F.silu(self.gate(h)) * self.up(h))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, packing: Packing) -> Tensor:
        return self.after(x, attention(*self.before(x, cos, sin), packing))

    def compile_parts(self) -> None:
        """Compile what stands around the attention, whose shapes differ from sequence to sequence."""
        self.before = torch.compile(self.before, dynamic=True)
        self.after = torch.compile(self.after, dynamic=True)


def attention(q: Tensor, k: Tensor, v: Tensor, packing: Packing) -> Tensor:
    """Causal attention within each of the packed sequences: [N,heads,D] each → [N,heads·D]."""
    grouped, lengths = q.shape[1] != k.shape[1], packing.lengths
    if q.is_cuda:  # one padded call in place of many small ones
        return padded(q, k, v, packing)
    if torch.is_autocast_enabled("cpu"):  # PyTorch's kernel takes twice as long in bf16 on sequences as short as ours
        each = zip(*(t.split(lengths) for t in (q, k, v)), strict=True)
        return torch.cat([products(*parts) for parts in each])
    out = []
    for parts in zip(*(t.split(lengths) for t in (q, k, v)), strict=True):
        q1, k1, v1 = (t.transpose(0, 1)[None] for t in parts)
        a = F.scaled_dot_product_attention(q1, k1, v1, is_causal=True, enable_gqa=grouped)
        out.append(a[0].transpose(0, 1).flatten(1))
    return torch.cat(out)


def padded(q: Tensor, k: Tensor, v: Tensor, packing: Packing) -> Tensor:
    """All sequences at once, each filled up to the longest; what is filled stands behind, where no token looks."""
    q, k, v = (packing.pad(t.to(v.dtype)).transpose(1, 2) for t in (q, k, v))
    a = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=q.shape[1] != k.shape[1])
    return packing.unpad(a.transpose(1, 2).flatten(2))


def products(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention of one sequence as two matrix products a group: [N,heads,D], [N,groups,D] → [N,heads·D]."""
    n, heads, width = q.shape
    groups = k.shape[1]
    q = q.view(n, groups, heads // groups, width).permute(1, 2, 0, 3).reshape(groups, -1, width)
    k, v = k.transpose(0, 1), v.transpose(0, 1)
    scores = torch.bmm(q, k.transpose(1, 2)) * width**-0.5
    later = torch.ones(n, n, dtype=torch.bool).triu(1).repeat(heads // groups, 1)
    a = torch.bmm(scores.masked_fill(later, -torch.inf).softmax(-1), v)
    return a.view(groups, heads // groups, n, width).permute(2, 0, 1, 3).reshape(n, heads * width)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def angles(b: Backbone | DecoderRetriever, positions: int) -> Tensor:
    """Rotary angles [positions, head_dim/2]."""
    inv = 1.0 / b.rope_theta ** (torch.arange(0, b.head_dim, 2).float() / b.head_dim)
    return torch.outer(torch.arange(positions).float(), inv)


class Decoder(nn.Module):
    """The backbone over packed sequences: one behind the other, no padding, attention within each alone."""

    def __init__(self, b: Backbone, s: Settings):
        super().__init__()
        self.embed = frozen(b.embed)
        self.head = None if b.head is None else frozen(b.head)
        self.norm = frozen(b.norm)
        self.eps = b.eps
        self.layers = nn.ModuleList(DecoderLayer(x, b, s) for x in b.layers)
        angle = angles(b, s.max_positions)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def halve(self) -> None:
        """Keep the frozen matrices in bf16, for training under autocast, which would else cast each of them every step."""
        for m in self.modules():
            if isinstance(m, LoRA):
                m.w.data = m.w.data.bfloat16()

    def forward(self, embeds: Tensor, packing: Packing) -> Tensor:
        """[N,H] input embeddings of packed sequences → [N,H] states after the final norm."""
        cos, sin = self.cos[packing.place][:, None], self.sin[packing.place][:, None]
        x = embeds
        for layer in self.layers:
            x = layer(x, cos, sin, packing)
        return F.rms_norm(x, x.shape[-1:], self.norm, self.eps)

    def logits(self, states: Tensor) -> Tensor:
        return F.linear(states, self.embed if self.head is None else self.head)
