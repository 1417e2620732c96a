"""The model in PyTorch: backbone with LoRA, projector, copy head, the retriever's query side, latent decoders.

Everything is float32; on a CPU without bf16 matrix instructions bf16 is many times slower. Shapes follow docs/bundle.md.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.settings import GATE_FLOOR, Settings
from train.weights import Backbone, Retriever


def frozen(w) -> nn.Parameter:
    return nn.Parameter(torch.tensor(w), requires_grad=False)


class LoRA(nn.Module):
    """y = x @ w + α/r · (x @ A) @ B with w frozen; B starts at zero."""

    def __init__(self, w, rank: int, alpha: float):
        super().__init__()
        self.w = frozen(w.T.copy())  # [out, in], the layout F.linear is fastest with
        self.scale = alpha / rank
        self.A = nn.Parameter(torch.randn(w.shape[0], rank) / math.sqrt(w.shape[0]))
        self.B = nn.Parameter(torch.zeros(rank, w.shape[1]))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.w) + (x @ self.A) @ (self.B * self.scale)


class DecoderLayer(nn.Module):
    def __init__(self, layer: dict, b: Backbone, s: Settings):
        super().__init__()
        self.heads, self.kv_heads, self.head_dim, self.eps = b.heads, b.kv_heads, b.head_dim, b.eps
        self.input_norm, self.post_norm = frozen(layer["input_norm"]), frozen(layer["post_norm"])
        for name in ("q", "k", "v", "o", "gate", "up", "down"):
            setattr(self, name, LoRA(layer[name], s.lora_rank, s.lora_alpha))

    def before(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[N,H] → queries, keys and values [N,heads,head_dim], rotated."""
        h = F.rms_norm(x, x.shape[-1:], self.input_norm, self.eps)
        q = self.q(h).view(-1, self.heads, self.head_dim)
        k = self.k(h).view(-1, self.kv_heads, self.head_dim)
        v = self.v(h).view(-1, self.kv_heads, self.head_dim)
        return rotate(q, cos, sin), rotate(k, cos, sin), v

    def after(self, x: Tensor, a: Tensor) -> Tensor:
        x = x + self.o(a)
        h = F.rms_norm(x, x.shape[-1:], self.post_norm, self.eps)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, lengths: list[int]) -> Tensor:
        return self.after(x, attention(*self.before(x, cos, sin), lengths))

    def compile_parts(self) -> None:
        """Compile what stands around the attention, whose shapes differ from sequence to sequence."""
        self.before = torch.compile(self.before, dynamic=True)
        self.after = torch.compile(self.after, dynamic=True)


def attention(q: Tensor, k: Tensor, v: Tensor, lengths: list[int]) -> Tensor:
    """Causal attention within each of the packed sequences: [N,heads,D] each → [N,heads·D]."""
    grouped = q.shape[1] != k.shape[1]
    if q.is_cuda:  # one padded call in place of many small ones
        q, k, v = (nn.utils.rnn.pad_sequence(t.split(lengths), batch_first=True).transpose(1, 2) for t in (q, k, v))
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=grouped).transpose(1, 2).flatten(2)
        return torch.cat([a[i, :n] for i, n in enumerate(lengths)])
    out = []
    for parts in zip(*(t.split(lengths) for t in (q, k, v)), strict=True):
        q1, k1, v1 = (t.transpose(0, 1)[None] for t in parts)
        a = F.scaled_dot_product_attention(q1, k1, v1, is_causal=True, enable_gqa=grouped)
        out.append(a[0].transpose(0, 1).flatten(1))
    return torch.cat(out)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Decoder(nn.Module):
    """The backbone over packed sequences: one behind the other, no padding, attention within each alone."""

    def __init__(self, b: Backbone, s: Settings):
        super().__init__()
        self.embed = frozen(b.embed)
        self.norm = frozen(b.norm)
        self.eps = b.eps
        self.layers = nn.ModuleList(DecoderLayer(x, b, s) for x in b.layers)
        inv = 1.0 / b.rope_theta ** (torch.arange(0, b.head_dim, 2).float() / b.head_dim)
        angle = torch.outer(torch.arange(s.max_positions).float(), inv)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def forward(self, embeds: Tensor, lengths: list[int] | None = None) -> Tensor:
        """[N,H] input embeddings of sequences of `lengths` → [N,H] states after the final norm. [B,T,H] is B sequences of T."""
        if embeds.dim() == 3:
            return self(embeds.flatten(0, 1), [embeds.shape[1]] * embeds.shape[0]).view_as(embeds)
        place = torch.cat([torch.arange(n) for n in lengths])
        cos, sin = self.cos[place][:, None], self.sin[place][:, None]
        x = embeds
        for layer in self.layers:
            x = layer(x, cos, sin, lengths)
        return F.rms_norm(x, x.shape[-1:], self.norm, self.eps)

    def logits(self, states: Tensor) -> Tensor:
        return F.linear(states, self.embed)


class Dense(nn.Linear):
    @classmethod
    def of(cls, w, b) -> Dense:
        d = cls(*w.shape)
        d.weight.data, d.bias.data = torch.tensor(w.T.copy()), torch.tensor(b)
        return d


class EncoderLayer(nn.Module):
    """A BERT layer (post-norm) whose attention takes an additive bias over keys."""

    def __init__(self, layer: dict, heads: int, eps: float):
        super().__init__()
        self.heads = heads
        for name in ("q", "k", "v", "o", "up", "down"):
            setattr(self, name, Dense.of(layer[name], layer[name + "_b"]))
        for name in ("attn_norm", "ffn_norm"):
            norm = nn.LayerNorm(layer[name].shape[0], eps)
            norm.weight.data, norm.bias.data = torch.tensor(layer[name]), torch.tensor(layer[name + "_b"])
            setattr(self, name, norm)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        B, S, D = x.shape
        split = lambda t: t.view(B, S, self.heads, D // self.heads).transpose(1, 2)  # noqa: E731
        a = F.scaled_dot_product_attention(split(self.q(x)), split(self.k(x)), split(self.v(x)), attn_mask=bias)
        x = self.attn_norm(x + self.o(a.transpose(1, 2).reshape(B, S, D)))
        return self.ffn_norm(x + self.down(F.gelu(self.up(x))))


class Encoder(nn.Module):
    """The retriever: piece embeddings in, one unit vector out. `weights` are a position's share of the mean."""

    def __init__(self, r: Retriever):
        super().__init__()
        self.word, self.position, self.kind = frozen(r.word), frozen(r.position), frozen(r.kind)
        self.norm = nn.LayerNorm(r.dimension, r.eps)
        self.norm.weight.data, self.norm.bias.data = torch.tensor(r.norm[0]), torch.tensor(r.norm[1])
        self.norm.requires_grad_(False)
        self.layers = nn.ModuleList(EncoderLayer(x, r.heads, r.eps) for x in r.layers)

    def forward(self, embeds: Tensor, positions: Tensor, weights: Tensor) -> Tensor:
        x = self.norm(embeds + self.position[positions] + self.kind)
        bias = torch.where(weights > 0, 0.0, -1e4)[:, None, None, :]
        for layer in self.layers:
            x = layer(x, bias)
        pooled = (x * weights[..., None]).sum(1) / weights.sum(1, keepdim=True)
        return F.normalize(pooled, dim=-1)

    def encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Ordinary text: [B,S] ids and mask → [B,D]."""
        positions = torch.arange(ids.shape[1]).expand_as(ids)
        return self(self.word[ids], positions, mask.float())


class Projector(nn.Module):
    """The paper's projector: one bidirectional self-attention layer and a position-wise FFN, between two linear maps.

    The output map starts near zero when `anchored`, so that the first step's query is a plain search.
    """

    def __init__(self, hidden: int, width: int, out: int, heads: int, out_std: float):
        super().__init__()
        self.heads = heads
        self.in_norm = nn.LayerNorm(hidden)
        self.inp = nn.Linear(hidden, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.o = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.out = nn.Linear(width, out)
        nn.init.normal_(self.out.weight, std=out_std)
        nn.init.zeros_(self.out.bias)

    def forward(self, states: Tensor) -> Tensor:
        x = self.inp(self.in_norm(states))
        B, n, W = x.shape
        q, k, v = (t.view(B, n, self.heads, -1).transpose(1, 2) for t in self.qkv(self.norm1(x)).chunk(3, -1))
        a = F.scaled_dot_product_attention(q, k, v)
        x = x + self.o(a.transpose(1, 2).reshape(B, n, W))
        x = x + self.down(F.gelu(self.up(self.norm2(x))))
        return self.out(x)


class QueryHead(nn.Module):
    """query.onnx: projector, copy head and the retriever's layers. See docs/bundle.md for shapes."""

    def __init__(self, b: Backbone, r: Retriever, s: Settings):
        super().__init__()
        self.pieces = s.pieces
        self.projector = Projector(b.hidden, r.dimension, r.dimension, 6, s.projector_std)
        self.gate_norm_q, self.gate_norm_k = nn.LayerNorm(b.hidden), nn.LayerNorm(b.hidden)
        self.gate_q, self.gate_k = nn.Linear(b.hidden, s.gate_width), nn.Linear(b.hidden, s.gate_width)
        self.gate_bias = nn.Parameter(torch.tensor(-3.0))
        self.encoder = Encoder(r)
        self.anchor = s.anchor
        if s.fresh_retriever:
            for p in self.encoder.layers.parameters():
                if p.dim() > 1:
                    nn.init.normal_(p, std=0.02)

    def gates(self, query_states: Tensor, candidate_states: Tensor, mask: Tensor) -> Tensor:
        """Gate logits [B,C]; masked candidates get −10⁴."""
        q = self.gate_q(self.gate_norm_q(query_states[:, 0]))
        k = self.gate_k(self.gate_norm_k(candidate_states))
        logits = (k @ q[..., None])[..., 0] / 8 + self.gate_bias
        return logits.masked_fill(~mask, -1e4)

    def forward(self, query_states, question_ids, question_mask, candidate_ids, candidate_states, candidate_mask):
        """→ unit vectors [B,D], gate logits [B,C]."""
        word = self.encoder.word
        latents = self.projector(query_states)
        n, length = latents.shape[1], question_mask.sum(1, keepdim=True)
        embeds = [word[question_ids], latents]
        weights = [question_mask.float() * self.anchor, torch.ones(latents.shape[:2])]
        positions = [
            torch.arange(question_ids.shape[1]).expand_as(question_ids),
            length + torch.arange(n),
        ]
        logits = self.gates(query_states, candidate_states, candidate_mask)
        if candidate_ids.shape[1]:
            gate = torch.sigmoid(logits)
            top = gate.topk(min(self.pieces, gate.shape[1]), dim=1).indices.sort(1).values  # reading order
            gate = gate.gather(1, top)
            embeds.append(word[candidate_ids.gather(1, top)] * gate[..., None])
            weights.append(gate * (gate > GATE_FLOOR))
            positions.append(length + n + torch.arange(gate.shape[1]))
        vector = self.encoder(torch.cat(embeds, 1), torch.cat(positions, 1), torch.cat(weights, 1))
        return vector, logits


class Pointer(nn.Module):
    """pointer.onnx: the answer as a span of the words read, or yes, no, none. See docs/bundle.md for the formulas."""

    def __init__(self, hidden: int, width: int = 128):
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.start_k, self.start_q = nn.Linear(hidden, width), nn.Linear(hidden, width)
        self.end_k, self.end_q, self.end_s = nn.Linear(hidden, width), nn.Linear(hidden, width), nn.Linear(hidden, width)
        self.slots = nn.Linear(hidden, 3)

    def forward(self, answer: Tensor, words: Tensor, start: int | None) -> tuple[Tensor, Tensor | None]:
        """answer [H], words [W,H] → start log-probabilities [W+3], and the end's logits [W] given a start word."""
        a, w = self.norm(answer), self.norm(words)
        first = torch.cat([self.start_k(w) @ self.start_q(a) / 8, self.slots(a)]).float().log_softmax(-1)
        if start is None:
            return first, None
        return first, (self.end_k(w) @ (self.end_q(a) + self.end_s(w[start])) / 8).float()


class Model(nn.Module):
    def __init__(self, b: Backbone, r: Retriever, s: Settings):
        super().__init__()
        self.s = s
        self.lm = Decoder(b, s)
        self.latents = nn.Parameter(torch.randn(s.think + s.query, b.hidden) * s.latent_std)
        self.action = nn.Linear(b.hidden, 2)
        self.query = QueryHead(b, r, s)
        self.thought = Projector(b.hidden, 384, b.hidden, 6, 0.02)
        self.subquery = Projector(b.hidden, 384, b.hidden, 6, 0.02)
        self.pointer = Pointer(b.hidden)

    def embed(self, ids: Tensor, inject: Tensor | None = None) -> Tensor:
        """ids as lm.onnx takes them: ≥ V are latents, ≥ V+m+n rows of inject [K,H]."""
        vocab = self.lm.embed.shape[0]
        tables = [self.latents] + ([inject] if inject is not None else [])
        extra = torch.cat(tables)
        is_extra = ids >= vocab
        plain = self.lm.embed[ids.masked_fill(is_extra, 0)]
        return torch.where(is_extra[..., None], extra[(ids - vocab).clamp(min=0)], plain)

    def groups(self) -> list[dict]:
        """Optimizer groups by learning rate."""
        lora = [p for p in self.lm.parameters() if p.requires_grad]
        retr = [p for p in self.query.encoder.parameters() if p.requires_grad]
        seen = {id(p) for p in lora + retr}
        rest = [p for p in self.parameters() if p.requires_grad and id(p) not in seen]
        return [
            {"params": lora, "lr": self.s.lr_lora},
            {"params": rest, "lr": self.s.lr_new},
            {"params": retr, "lr": self.s.lr_retriever},
        ]

    def adapter(self) -> dict[str, Tensor]:
        """All trained tensors, by name: what a bundle commits."""
        return {n: p.detach() for n, p in self.named_parameters() if p.requires_grad}
