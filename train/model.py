"""The model in PyTorch: backbone with LoRA, projector, copy head, the retriever's query side, latent decoders.

Weights that learn are float32; matrix products can be bf16 (train.py). On a CPU without instructions for it that is many times slower. Shapes follow docs/bundle.md.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.decoder import Decoder
from train.encoder import retriever_encoder
from train.packing import Ids
from train.settings import GATE_FLOOR, Settings
from train.weights import Backbone, Retriever, attention_heads


class Projector(nn.Module):
    """The paper's projector: one bidirectional self-attention layer and a position-wise FFN, between two linear maps.

    The output map starts near zero when `anchored`, so that the first step's query is a plain search.
    """

    def __init__(self, hidden: int, width: int, out: int, out_std: float):
        super().__init__()
        self.heads = attention_heads(width)
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
        self.projector = Projector(b.hidden, r.dimension, r.dimension, s.projector_std)
        self.gate_norm_q, self.gate_norm_k = nn.LayerNorm(b.hidden), nn.LayerNorm(b.hidden)
        self.gate_q, self.gate_k = nn.Linear(b.hidden, s.gate_width), nn.Linear(b.hidden, s.gate_width)
        self.gate_bias = nn.Parameter(torch.tensor(-3.0))
        self.encoder = retriever_encoder(r, s)
        if self.encoder.closes:
            # Near zero a latent still has its full weight in a decoder, whose norms undo its scale: so it gets a small share.
            self.latent_bias = nn.Parameter(torch.full((s.query,), -4.0))
        self.anchor = s.anchor
        if s.fresh_retriever:
            for p in self.encoder.layers.parameters():
                if p.dim() > 1:
                    nn.init.normal_(p, std=0.02)

    def keys(self, states: Tensor) -> Tensor:
        """[…,H] → […,gate_width]: a candidate's side of the gates. Of every token once, since many hops ask for the same."""
        return self.gate_k(self.gate_norm_k(states))

    def gates(self, query_states: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
        """Gate logits [B,C]; masked candidates get −10⁴."""
        q = self.gate_q(self.gate_norm_q(query_states[:, 0]))
        logits = (keys @ q[..., None])[..., 0] / 8 + self.gate_bias
        return logits.masked_fill(~mask, -1e4)

    def forward(self, query_states, question_ids, question_mask, candidate_ids, candidate_keys, candidate_mask):
        """→ unit vectors [B,D], gate logits [B,C]."""
        word, closes = self.encoder.word, self.encoder.closes
        latents = self.projector(query_states)
        n, start = latents.shape[1], question_mask.sum(1, keepdim=True) - int(closes)
        places = torch.arange(question_ids.shape[1], device=latents.device).expand_as(question_ids)
        if closes:  # the question's last token stands behind all that follows
            places = torch.where(places == start, start + n + self.pieces, places)
        embeds = [word[question_ids], latents]
        shares = torch.sigmoid(self.latent_bias).expand(latents.shape[:2]) if closes else torch.ones_like(latents[..., 0])
        asked = question_mask.float() * (self.anchor | (places > start) if closes else self.anchor)
        weights, positions = [asked, shares], [places, start + torch.arange(n, device=start.device)]
        logits = self.gates(query_states, candidate_keys, candidate_mask)
        if candidate_ids.shape[1]:
            gate = torch.sigmoid(logits)
            top = gate.topk(min(self.pieces, gate.shape[1]), dim=1).indices.sort(1).values  # reading order
            gate = gate.gather(1, top)
            piece = word[candidate_ids.gather(1, top)]
            embeds.append(piece if closes else piece * gate[..., None])
            weights.append(gate * (gate > GATE_FLOOR))
            positions.append(start + n + torch.arange(gate.shape[1], device=start.device))
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

    def forward(self, answer: Tensor, words: Tensor, mask: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
        """answer [P,H], words [P,W,H] and which of them there are, start words [P] → start log-probabilities [P,W+3], and the
        end's logits [P,W] given the start. A start that is a slot, W or more, has no end: its logits mean nothing."""
        a, w = self.norm(answer), self.norm(words)
        first = (self.start_k(w) @ self.start_q(a)[..., None])[..., 0] / 8
        first = torch.cat([first.masked_fill(~mask, -1e4), self.slots(a)], -1).float().log_softmax(-1)
        begun = w[torch.arange(len(w), device=w.device), start.clamp(max=w.shape[1] - 1)]
        last = (self.end_k(w) @ (self.end_q(a) + self.end_s(begun))[..., None])[..., 0] / 8
        return first, last.float().masked_fill(~mask, -1e4)


class Support(nn.Module):
    """support.onnx: how likely each passage read is one that the answer rests on. See docs/bundle.md for the formula."""

    def __init__(self, hidden: int, width: int = 128):
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.k, self.q = nn.Linear(hidden, width), nn.Linear(hidden, width)
        self.bias = nn.Parameter(torch.tensor(-1.0))

    def forward(self, think: Tensor, passages: Tensor) -> Tensor:
        """think [N,H], the state that the action is read from; passages [N,H], the state at the end of a passage's last word → logits [N]."""
        return (self.k(self.norm(passages)) * self.q(self.norm(think))).sum(-1) / 8 + self.bias


class Model(nn.Module):
    def __init__(self, b: Backbone, r: Retriever, s: Settings):
        super().__init__()
        self.s = s
        self.lm = Decoder(b, s)
        self.latents = nn.Parameter(torch.randn(s.think + s.query, b.hidden) * s.latent_std)
        self.action = nn.Linear(b.hidden, 2)
        self.query = QueryHead(b, r, s)
        self.thought = Projector(b.hidden, s.decode_width, b.hidden, 0.02)
        self.subquery = Projector(b.hidden, s.decode_width, b.hidden, 0.02)
        self.pointer = Pointer(b.hidden)
        self.support = Support(b.hidden)
        self.names = {n for n, p in self.named_parameters() if p.requires_grad}
        if s.frozen_layers:  # no gradient below the first layer that still learns: neither there nor in the latents
            for p in (self.latents, *self.lm.layers[: s.frozen_layers].parameters()):
                p.requires_grad_(False)

    def embed(self, x: Ids, inject: Tensor | None = None) -> Tensor:
        """[N,H]: tokens, latents, and rows of inject [K,H] behind them."""
        extra = self.latents if inject is None else torch.cat([self.latents, inject.float()])
        return self.lm.embed[x.ids].index_copy(0, x.extra_at, extra.index_select(0, x.extra))

    def groups(self) -> list[dict]:
        """Optimizer groups by learning rate."""
        inside = lambda m: [(n, p) for n, p in m.named_parameters() if p.requires_grad]  # noqa: E731
        lora = [p for m in (self.lm, self.query.encoder) for n, p in inside(m) if n.endswith((".A", ".B"))]
        retr = [p for n, p in inside(self.query.encoder) if not n.endswith((".A", ".B"))]
        seen = {id(p) for p in lora + retr}
        rest = [p for p in self.parameters() if p.requires_grad and id(p) not in seen]
        return [
            {"params": lora, "lr": self.s.lr_lora},
            {"params": rest, "lr": self.s.lr_new},
            {"params": retr, "lr": self.s.lr_retriever},
        ]

    def adapter(self) -> dict[str, Tensor]:
        """All trained tensors, by name, those that this stage holds still among them: what a bundle commits."""
        return {n: p.detach() for n, p in self.named_parameters() if n in self.names}
