"""The retriever in PyTorch, BERT-type or decoder-type, over piece embeddings so that latents can stand among them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.decoder import DecoderLayer, frozen, rotary
from train.settings import Settings
from train.weights import MAX_PIECES, BertRetriever, DecoderRetriever


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
    """A BERT-type retriever: piece embeddings in, one unit vector out. `weights` are a position's share of the mean."""

    closes = False  # no token has to stand behind all others

    def __init__(self, r: BertRetriever):
        super().__init__()
        self.first = r.pooling == "first"
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
        pooled = x[:, 0] if self.first else (x * weights[..., None]).sum(1) / weights.sum(1, keepdim=True)
        return F.normalize(pooled, dim=-1)

    def encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Ordinary text: [B,S] ids and mask → [B,D]."""
        positions = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
        return self(self.word[ids], positions, mask.float())


class CausalEncoder(nn.Module):
    """A decoder-type retriever with LoRA: the vector is the state of the token that stands last, which closes a text.

    `weights` are a key's share of the attention: a decoder's norms would undo the scale of an embedding.
    """

    closes = True

    def __init__(self, r: DecoderRetriever, s: Settings):
        super().__init__()
        self.word, self.norm, self.eps = frozen(r.word), frozen(r.norm), r.eps
        self.layers = nn.ModuleList(DecoderLayer(x, r, s) for x in r.layers)
        cos, sin = rotary(r, MAX_PIECES)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, embeds: Tensor, positions: Tensor, weights: Tensor) -> Tensor:
        """[B,S,D], [B,S], [B,S] → [B,D]. The order of attention is that of `positions`, not of the rows."""
        B, S, _ = embeds.shape
        open_ = (positions[:, None, :] <= positions[:, :, None]) & (weights > 0)[:, None, :]
        bias = torch.where(open_, weights.clamp(min=1e-6).log()[:, None, :], -1e4)[:, None]
        cos, sin = (t[positions.flatten()][:, None] for t in (self.cos, self.sin))
        x = embeds.flatten(0, 1)
        for layer in self.layers:
            q, k, v = (t.view(B, S, -1, t.shape[-1]).transpose(1, 2) for t in layer.before(x, cos, sin))
            a = F.scaled_dot_product_attention(q, k, v, attn_mask=bias, enable_gqa=q.shape[1] != k.shape[1])
            x = layer.after(x, a.transpose(1, 2).reshape(B * S, -1))
        x = F.rms_norm(x, x.shape[-1:], self.norm, self.eps).view(B, S, -1)
        last = torch.where(weights > 0, positions, -1).argmax(1)
        return F.normalize(x[torch.arange(B, device=x.device), last], dim=-1)

    def encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Ordinary text: [B,S] ids and mask → [B,D]."""
        positions = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
        return self(self.word[ids], positions, mask.float())


def retriever_encoder(r: BertRetriever | DecoderRetriever, s: Settings) -> Encoder | CausalEncoder:
    return CausalEncoder(r, s) if isinstance(r, DecoderRetriever) else Encoder(r)
