"""The backbone in PyTorch: a frozen decoder with LoRA, over packed sequences."""

from __future__ import annotations

import math

import numpy as np
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


JOINED = {"qkv": ("q", "k", "v"), "o": ("o",), "gate_up": ("gate", "up"), "down": ("down",)}  # products of the same input


class DecoderLayer(nn.Module):
    """A layer of the Llama, Qwen2 (biases) or Qwen3 (norms of each head's queries and keys) families, with LoRA."""

    def __init__(self, layer: dict, b: Backbone | DecoderRetriever, s: Settings):
        super().__init__()
        self.heads, self.kv_heads, self.head_dim, self.eps = b.heads, b.kv_heads, b.head_dim, b.eps
        self.input_norm, self.post_norm = frozen(layer["input_norm"]), frozen(layer["post_norm"])
        for name in ("q", "k", "v", "o", "gate", "up", "down"):
            setattr(self, name, LoRA(layer[name], s.lora_rank, s.lora_alpha, layer.get(name + "_b")))
        norms = [layer["q_norm"]] * self.heads + [layer["k_norm"]] * self.kv_heads if "q_norm" in layer else None
        self.norms = None if norms is None else nn.Buffer(torch.tensor(np.stack(norms)), persistent=False)
        self.whole: dict[str, Tensor] = {}  # of this pass, where LoRA was put into the matrices ahead of it

    def product(self, key: str, x: Tensor) -> Tensor:
        """The products of one input, their outputs side by side."""
        parts = [getattr(self, name) for name in JOINED[key]]
        if key in self.whole:
            bias = None if parts[0].bias is None else torch.cat([p.bias for p in parts])
            return F.linear(x, self.whole[key], bias)
        return torch.cat([p(x) for p in parts], -1) if len(parts) > 1 else parts[0](x)

    def before(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[N,H] → queries, keys and values [N,heads,head_dim], rotated."""
        h = cast(F.rms_norm(x, x.shape[-1:], self.input_norm, self.eps))
        qkv = self.product("qkv", h).view(len(x), -1, self.head_dim)
        qk, v = qkv.split([self.heads + self.kv_heads, self.kv_heads], 1)
        if self.norms is not None:
            qk = F.rms_norm(qk, qk.shape[-1:], None, self.eps) * self.norms
        q, k = rotate(qk, cos, sin).split([self.heads, self.kv_heads], 1)
        return q, k, v

    def after(self, x: Tensor, a: Tensor) -> Tensor:
        x = x + self.product("o", a)
        h = cast(F.rms_norm(x, x.shape[-1:], self.post_norm, self.eps))
        gate, up = self.product("gate_up", h).chunk(2, -1)
        return x + self.product("down", F.silu(gate) * up)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, packing: Packing) -> Tensor:
        return self.after(x, attention(*self.before(x, cos, sin), packing))

    def compile_parts(self) -> None:
        """Compile what stands around the attention, whose shapes differ from sequence to sequence."""
        self.before = torch.compile(self.before, dynamic=True)
        self.after = torch.compile(self.after, dynamic=True)


def attention(q: Tensor, k: Tensor, v: Tensor, packing: Packing) -> Tensor:
    """Causal attention within each of the packed sequences: [N,heads,D] each → [N,heads·D]."""
    grouped, lengths = q.shape[1] != k.shape[1], packing.lengths
    if q.is_cuda:  # one call in place of many small ones; the kernel for packed sequences needs half floats and Ampere
        fast = v.dtype in (torch.bfloat16, torch.float16) and torch.cuda.get_device_capability(v.device) >= (8, 0)
        return flash(q, k, v, packing) if fast else padded(q, k, v, packing)
    if torch.is_autocast_enabled("cpu"):  # PyTorch's kernel takes twice as long in bf16 on sequences as short as ours
        each = zip(*(t.split(lengths) for t in (q, k, v)), strict=True)
        return torch.cat([products(*parts) for parts in each])
    out = []
    for parts in zip(*(t.split(lengths) for t in (q, k, v)), strict=True):
        q1, k1, v1 = (t.transpose(0, 1)[None] for t in parts)
        a = F.scaled_dot_product_attention(q1, k1, v1, is_causal=True, enable_gqa=grouped)
        out.append(a[0].transpose(0, 1).flatten(1))
    return torch.cat(out)


def flash(q: Tensor, k: Tensor, v: Tensor, packing: Packing) -> Tensor:
    """All sequences at once as they lie, by PyTorch's own flash attention."""
    q, k, longest = q.to(v.dtype), k.to(v.dtype), max(packing.lengths)
    a = torch.ops.aten._flash_attention_forward(
        q, k, v, packing.starts, packing.starts, longest, longest, dropout_p=0.0, is_causal=True, return_debug_mask=False
    )[0]
    return a.flatten(1)


def padded(q: Tensor, k: Tensor, v: Tensor, packing: Packing) -> Tensor:
    """All sequences at once, each filled up to the longest; what is filled stands behind, where no token looks."""
    heads = [t.shape[1] for t in (q, k, v)]
    q, k, v = packing.pad(torch.cat([t.to(v.dtype) for t in (q, k, v)], 1)).transpose(1, 2).split(heads, 1)
    a = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=heads[0] != heads[1])
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
    return x * cos + x.roll(x.shape[-1] // 2, -1) * sin


def rotary(b: Backbone | DecoderRetriever, positions: int) -> tuple[Tensor, Tensor]:
    """Cosines, and sines with their sign, as `rotate` takes them: [positions, head_dim] each."""
    inv = 1.0 / b.rope_theta ** (torch.arange(0, b.head_dim, 2).float() / b.head_dim)
    angle = torch.outer(torch.arange(positions).float(), inv)
    return torch.cat([angle.cos()] * 2, -1), torch.cat([-angle.sin(), angle.sin()], -1)


class Decoder(nn.Module):
    """The backbone over packed sequences: one behind the other, no padding, attention within each alone."""

    def __init__(self, b: Backbone, s: Settings):
        super().__init__()
        self.embed = frozen(b.embed)
        self.head = None if b.head is None else frozen(b.head)
        self.norm = frozen(b.norm)
        self.eps = b.eps
        self.layers = nn.ModuleList(DecoderLayer(x, b, s) for x in b.layers)
        cos, sin = rotary(b, s.max_positions)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.stacks: dict[str, Tensor] = {}  # the frozen matrices of all layers, as `merge` needs them

    def merge(self) -> None:
        """Put LoRA into the matrices of all layers at once, for this pass: a card waits for launches more than for products, and
        seven times three small products a layer are the most of them. In bf16 a change of an element that is smaller than half of
        bf16's step is lost for the pass; over the thousands of a row such losses even out."""
        for key, names in JOINED.items():
            parts = [[getattr(layer, name) for layer in self.layers] for name in names]
            if key not in self.stacks:
                self.stacks[key] = torch.cat([torch.stack([p.w for p in part]) for part in parts], 1).detach()
            stack = self.stacks[key]
            with torch.autocast(stack.device.type, enabled=False):  # rounded once, at the end
                A, B = ([torch.stack([getattr(p, m) for p in part]) for part in parts] for m in "AB")
                change = torch.cat([torch.bmm(a, b * part[0].scale).mT for a, b, part in zip(A, B, parts, strict=True)], 1)
                merged = (stack + change).to(stack.dtype).unbind(0)
            for layer, part, w in zip(self.layers, parts[0], merged, strict=True):
                layer.whole[key] = w if part.A.requires_grad else w.detach()

    def halve(self) -> None:
        """Keep the frozen matrices in bf16, for training under autocast, which would else cast each of them every step."""
        for m in self.modules():
            if isinstance(m, LoRA):
                m.w.data = m.w.data.bfloat16()

    def hasten(self, *, bf16: bool, compiled: bool) -> None:
        """What a training run may do once before its first step."""
        if bf16:
            self.halve()
        if compiled:
            torch._dynamo.config.cache_size_limit = 64
            for layer in self.layers:
                layer.compile_parts()

    def forward(self, embeds: Tensor, packing: Packing) -> Tensor:
        """[N,H] input embeddings of packed sequences → [N,H] states after the final norm."""
        cos, sin = self.cos[packing.place][:, None], self.sin[packing.place][:, None]
        x = embeds
        if x.is_cuda:
            self.merge()
        for layer in self.layers:
            x = layer(x, cos, sin, packing)
        return F.rms_norm(x, x.shape[-1:], self.norm, self.eps)

    def logits(self, states: Tensor) -> Tensor:
        return F.linear(states, self.embed if self.head is None else self.head)
